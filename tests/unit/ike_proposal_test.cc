// Proposals: swanctl's words, and what is chosen.
#include <gtest/gtest.h>

#include "control/ike/proposal/keywords.h"
#include "control/ike/proposal/proposal_text.h"
#include "control/ike/proposal/selection.h"
#include "control/ike/proposal/suite.h"
#include "tests/unit/ike_testing.h"

namespace gotthard::ike::testing {
namespace {

std::string refusal(std::string_view text, Protocol protocol, bool allow_legacy = false) {
  const auto parsed = parse_proposal(text, protocol, allow_legacy);
  return parsed ? "none" : parsed.error().message;
}

Proposal ike(std::string_view text, bool allow_legacy = false) {
  const auto parsed = parse_proposal(text, Protocol::ike, allow_legacy);
  EXPECT_TRUE(parsed) << parsed.error().message;
  return *parsed;
}

Proposal esp(std::string_view text, bool allow_legacy = false) {
  const auto parsed = parse_proposal(text, Protocol::esp, allow_legacy);
  EXPECT_TRUE(parsed) << parsed.error().message;
  return *parsed;
}

TEST(IkeProposalText, WordsBecomeTransforms) {
  const Proposal proposal = ike("aes256gcm16-prfsha384-ecp384");
  const std::vector<Transform> expected = {{TransformType::encryption, 20, 256},
                                           {TransformType::prf, 6, std::nullopt},
                                           {TransformType::key_exchange, 20, std::nullopt}};
  EXPECT_EQ(proposal.transforms, expected);
  EXPECT_EQ(to_string(proposal), "aes256gcm16-prfsha384-ecp384");
}

TEST(IkeProposalText, KindsAreSortedAndNotDoubled) {
  EXPECT_EQ(to_string(ike("x25519-prfsha256-aes256gcm16-curve25519-aes128gcm128")),
            "aes256gcm16-aes128gcm16-prfsha256-x25519");
}

TEST(IkeProposalText, EspWithoutAWordHas32BitNumbers) {
  EXPECT_EQ(to_string(esp("aes256gcm16-x25519")), "aes256gcm16-x25519-noesn");
  EXPECT_EQ(to_string(esp("aes256gcm16-x25519-esn")), "aes256gcm16-x25519-esn");
}

TEST(IkeProposalText, AbsentOnesOfferBothKindsOfNumbers) {
  const auto absent = parse_proposals({}, Protocol::esp, false);
  ASSERT_TRUE(absent);
  ASSERT_EQ(absent->size(), 1U);
  EXPECT_EQ(to_string(absent->front()), "aes256gcm16-aes128gcm16-chacha20poly1305-esn-noesn");
  EXPECT_EQ(*parse_proposals({"default"}, Protocol::esp, false), *absent);
}

TEST(IkeProposalText, CbcOnlyWithLegacy) {
  EXPECT_NE(refusal("aes256-sha256-ecp256", Protocol::ike).find("allow_legacy"), std::string::npos);
  EXPECT_EQ(to_string(ike("aes256-sha256-ecp256", true)), "aes256-sha256-prfsha256-ecp256");
  EXPECT_EQ(to_string(ike("aes128-sha384-sha512-prfsha256-modp2048", true)),
            "aes128-sha384-sha512-prfsha256-modp2048");
  EXPECT_EQ(to_string(esp("aes128-sha512", true)), "aes128-sha512-noesn");
}

TEST(IkeProposalText, WeakOnesAreNeverTaken) {
  for (const std::string_view word :
       {"3des", "sha1", "prfsha1", "md5", "modp1024", "modp1536", "null", "aes128gcm8"}) {
    EXPECT_NE(refusal(std::string("aes256gcm16-prfsha256-x25519-") + std::string(word),
                      Protocol::ike, true)
                  .find("too weak"),
              std::string::npos)
        << word;
  }
}

TEST(IkeProposalText, ErrorsSayWhatToWrite) {
  EXPECT_NE(refusal("aes256gcm16-prfsha384", Protocol::ike).find("add x25519"), std::string::npos);
  EXPECT_NE(refusal("aes256gcm16-x25519", Protocol::ike).find("add prfsha256"), std::string::npos);
  EXPECT_NE(refusal("prfsha256-x25519", Protocol::ike).find("aes256gcm16"), std::string::npos);
  EXPECT_NE(refusal("aes256gcm16-sha256", Protocol::esp).find("leave"), std::string::npos);
  EXPECT_NE(refusal("aes256gcm16-aes128-sha256", Protocol::esp, true).find("of their own"),
            std::string::npos);
  EXPECT_NE(refusal("aes256", Protocol::esp, true).find("add sha256"), std::string::npos);
  EXPECT_NE(refusal("aes256gcm16-prfsha256", Protocol::esp).find("does not belong"),
            std::string::npos);
  EXPECT_NE(refusal("aes256gcm16-prfsha256-x25519-esn", Protocol::ike).find("does not belong"),
            std::string::npos);
  EXPECT_NE(refusal("aes128gmac-prfsha256-x25519", Protocol::ike).find("does not belong"),
            std::string::npos);
  EXPECT_NE(refusal("aes256gcm16-prfsha256-modpnone", Protocol::ike).find("add x25519"),
            std::string::npos);
  EXPECT_NE(refusal("aes128ctr", Protocol::esp).find("not supported"), std::string::npos);
  EXPECT_NE(refusal("rot13", Protocol::esp).find("'rot13'"), std::string::npos);
  EXPECT_NE(refusal("", Protocol::esp).find("''"), std::string::npos);
  EXPECT_NE(refusal("aes256gcm16-", Protocol::esp).find("''"), std::string::npos);
}

TEST(IkeProposalText, ListsAreNumbered) {
  const auto parsed =
      parse_proposals({"aes256gcm16-prfsha384-ecp384", "default"}, Protocol::ike, false);
  ASSERT_TRUE(parsed);
  ASSERT_EQ(parsed->size(), 2U);
  EXPECT_EQ((*parsed)[0].number, 1);
  EXPECT_EQ((*parsed)[1].number, 2);
  EXPECT_FALSE(parse_proposals({"nonsense"}, Protocol::ike, false));
}

TEST(IkeProposalText, UnknownNumbersHaveNamesToo) {
  EXPECT_EQ(word_for({.type = TransformType::encryption, .id = 3}), "encryption-3");
  EXPECT_EQ(word_for({.type = TransformType::encryption, .id = 23, .key_length = 128}),
            "encryption-23-128");
  EXPECT_EQ(word_for({.type = static_cast<TransformType>(6), .id = 35}), "transform-6-35");
}

SecurityAssociation offer(std::vector<Proposal> proposals) {
  std::uint8_t number = 0;
  for (Proposal& proposal : proposals) {
    proposal.number = ++number;
  }
  return {std::move(proposals)};
}

std::string chosen(const std::vector<Proposal>& ours, const SecurityAssociation& theirs,
                   KeyExchangeOf of = KeyExchangeOf::proposal) {
  const auto choice = choose(ours, theirs, of);
  return choice ? to_string(*choice) : "none";
}

TEST(IkeSelection, OurPreferenceCounts) {
  const auto ours = {ike("aes256gcm16-aes128gcm16-prfsha384-prfsha256-ecp384-x25519")};
  EXPECT_EQ(chosen(ours, offer({ike("aes128gcm16-aes256gcm16-prfsha256-prfsha384-x25519-ecp384")})),
            "aes256gcm16-prfsha384-ecp384");
  EXPECT_EQ(chosen(ours, offer({ike("chacha20poly1305-prfsha256-x25519"),
                                ike("aes128gcm16-prfsha512-prfsha256-x448-x25519")})),
            "aes128gcm16-prfsha256-x25519");
}

TEST(IkeSelection, NumberAndSpiAreTheOfferedOnes) {
  SecurityAssociation theirs = offer({esp("chacha20poly1305"), esp("aes256gcm16")});
  theirs.proposals[1].spi = 0xc0ffee;
  theirs.proposals[1].spi_size = 4;
  const auto choice = choose({esp("aes256gcm16")}, theirs, KeyExchangeOf::proposal);
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->number, 2);
  EXPECT_EQ(choice->spi, 0xc0ffeeU);
  EXPECT_EQ(choice->spi_size, 4);
}

TEST(IkeSelection, NothingInCommon) {
  const auto ours = {ike("aes256gcm16-prfsha384-ecp384")};
  EXPECT_EQ(chosen(ours, offer({ike("aes128gcm16-prfsha384-ecp384")})), "none") << "key length";
  EXPECT_EQ(chosen(ours, offer({ike("aes256gcm16-prfsha256-ecp384")})), "none");
  EXPECT_EQ(chosen(ours, offer({ike("aes256gcm16-prfsha384-x25519")})), "none");
  EXPECT_EQ(chosen(ours, offer({esp("aes256gcm16")})), "none") << "another protocol";
}

TEST(IkeSelection, PerfectForwardSecrecyPresentAbsentAndOptional) {
  const auto with = {esp("aes256gcm16-x25519")};
  const auto without = {esp("aes256gcm16")};
  const auto either = {esp("aes256gcm16-x25519-modpnone")};
  EXPECT_EQ(chosen(with, offer(without)), "none");
  EXPECT_EQ(chosen(without, offer(with)), "none");
  EXPECT_EQ(chosen(with, offer(either)), "aes256gcm16-x25519-noesn");
  EXPECT_EQ(chosen(without, offer(either)), "aes256gcm16-modpnone-noesn");
  EXPECT_EQ(chosen(either, offer(without)), "aes256gcm16-noesn");
  EXPECT_EQ(chosen(with, offer(without), KeyExchangeOf::ike_sa), "aes256gcm16-noesn");
  EXPECT_EQ(chosen(with, offer({esp("aes256gcm16-ecp384")}), KeyExchangeOf::ike_sa),
            "aes256gcm16-noesn");
}

TEST(IkeSelection, SequenceNumbers) {
  EXPECT_EQ(chosen({esp("aes256gcm16-esn-noesn")}, offer({esp("aes256gcm16-noesn-esn")})),
            "aes256gcm16-esn");
  EXPECT_EQ(chosen({esp("aes256gcm16-esn")}, offer({esp("aes256gcm16-noesn")})), "none");
  Proposal silent = esp("aes256gcm16");
  silent.transforms.pop_back();
  EXPECT_EQ(chosen({esp("aes256gcm16")}, offer({silent})), "aes256gcm16")
      << "what does not speak of them has 32 bits";
}

TEST(IkeSelection, IntegrityNoneBesideAnAead) {
  Proposal theirs = esp("aes256gcm16");
  theirs.transforms.push_back({.type = TransformType::integrity, .id = 0});
  EXPECT_EQ(chosen({esp("aes256gcm16")}, offer({theirs})), "aes256gcm16-integrity-0-noesn");
  theirs.transforms.back().id = 12;
  EXPECT_EQ(chosen({esp("aes256gcm16")}, offer({theirs})), "none");
}

TEST(IkeSelection, UnknownTypesAndAttributesAreNotChosen) {
  Proposal theirs = ike("aes256gcm16-prfsha256-x25519");
  theirs.transforms.push_back({.type = static_cast<TransformType>(6), .id = 35});
  EXPECT_EQ(chosen({ike("aes256gcm16-prfsha256-x25519")}, offer({theirs})), "none");
  theirs.transforms.pop_back();
  EXPECT_NE(chosen({ike("aes256gcm16-prfsha256-x25519")}, offer({theirs})), "none");
  theirs.transforms.front().foreign_attribute = true;
  EXPECT_EQ(chosen({ike("aes256gcm16-prfsha256-x25519")}, offer({theirs})), "none");
}

TEST(IkeSelection, AnswersMustBeWhatWasOffered) {
  const std::vector<Proposal> ours = *parse_proposals(
      {"aes256gcm16-aes128gcm16-x25519", "chacha20poly1305"}, Protocol::esp, false);
  const auto accepted = [&](Proposal answer, std::uint8_t number) {
    answer.number = number;
    return accept(ours, {{answer}}, KeyExchangeOf::proposal).has_value();
  };
  EXPECT_TRUE(accepted(esp("aes128gcm16-x25519"), 1));
  EXPECT_TRUE(accepted(esp("chacha20poly1305"), 2));
  EXPECT_FALSE(accepted(esp("chacha20poly1305"), 1));
  EXPECT_FALSE(accepted(esp("chacha20poly1305"), 3));
  EXPECT_FALSE(accepted(esp("aes128gcm16"), 1)) << "the group is gone";
  EXPECT_FALSE(accepted(esp("aes256gcm16-aes128gcm16-x25519"), 1)) << "nothing chosen";
  EXPECT_FALSE(accept(ours, {{}}, KeyExchangeOf::proposal));
  EXPECT_FALSE(accept(ours, {{ours[0], ours[1]}}, KeyExchangeOf::proposal));
}

TEST(IkeSelection, GroupsInOrder) {
  const std::vector<Proposal> ours =
      *parse_proposals({"aes256gcm16-ecp384-x25519", "aes256gcm16", "aes128gcm16-x25519-ecp256"},
                       Protocol::esp, false);
  const std::vector<GroupId> expected = {GroupId::ecp384, GroupId::curve25519, GroupId::none,
                                         GroupId::ecp256};
  EXPECT_EQ(groups_of(ours), expected);
  EXPECT_EQ(groups_of(without_groups(ours)), std::vector{GroupId::none});
}

TEST(IkeSuites, OnlyWhatGoesTogether) {
  EXPECT_EQ(ike_suite(ike("aes256gcm16-prfsha384-ecp384")),
            (IkeSuite{EncryptionId::aes_gcm_16, 256, IntegrityId::none, PrfId::hmac_sha2_384,
                      GroupId::ecp384}));
  EXPECT_EQ(
      esp_suite(esp("chacha20poly1305-esn")),
      (EspSuite{EncryptionId::chacha20_poly1305, 256, IntegrityId::none, GroupId::none, true}));
  EXPECT_EQ(esp_suite(esp("aes128-sha256-modp3072", true)),
            (EspSuite{EncryptionId::aes_cbc, 128, IntegrityId::hmac_sha2_256_128, GroupId::modp3072,
                      false}));
  EXPECT_TRUE(esp_suite(esp("aes128gmac")));
  const auto broken = [](Proposal proposal, std::size_t drop) {
    proposal.transforms.erase(proposal.transforms.begin() + static_cast<std::ptrdiff_t>(drop));
    return proposal;
  };
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_FALSE(ike_suite(broken(ike("aes256gcm16-prfsha384-ecp384"), i))) << i;
  }
  EXPECT_FALSE(esp_suite(broken(esp("aes128-sha256", true), 1))) << "CBC without integrity";
  Proposal odd = esp("aes128gcm16");
  odd.transforms[0].key_length = 100;
  EXPECT_FALSE(esp_suite(odd));
  odd.transforms[0].key_length.reset();
  EXPECT_FALSE(esp_suite(odd));
}

}  // namespace
}  // namespace gotthard::ike::testing
