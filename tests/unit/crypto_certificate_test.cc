#include "crypto/certificate.h"

#include <gtest/gtest.h>

#include "crypto/distinguished_name.h"
#include "crypto/trust_store.h"
#include "tests/unit/crypto_testing.h"
#include "tests/unit/x509_testing.h"

namespace gotthard::crypto {
namespace {

using testing::Bytes;
using testing::hex;
using testing::text;
using x509_testing::Issued;
using x509_testing::kDay;
using x509_testing::kNow;

TEST(DistinguishedName, TextAndBack) {
  const auto der = parse_name("C=DE, O=Example GmbH,CN = gw.example");
  ASSERT_TRUE(der) << der.error().message;
  EXPECT_EQ(name_to_text(*der), "C=DE, O=Example GmbH, CN=gw.example");
  EXPECT_EQ(*parse_name(*name_to_text(*der)), *der);
  const auto escaped = parse_name("O=A\\, B, CN=x");
  ASSERT_TRUE(escaped);
  EXPECT_EQ(*parse_name(*name_to_text(*escaped)), *escaped);
  EXPECT_TRUE(parse_name("CN=Zürich"));
  EXPECT_TRUE(parse_name("E=a@example, CN=x"));
}

TEST(DistinguishedName, WhatIsNone) {
  for (const std::string_view bad : {"", "  ", "gw.example", "XX=1", "CN=", "CN=a,,O=b", "C=DEU"}) {
    EXPECT_FALSE(parse_name(bad)) << bad;
  }
  EXPECT_FALSE(name_to_text({}));
  EXPECT_FALSE(name_to_text(hex("3003")));
  EXPECT_FALSE(name_to_text(hex("300000")));
}

TEST(DistinguishedName, Comparison) {
  const auto matches = [](std::string_view pattern, std::string_view name) {
    return name_matches(*parse_name(pattern), *parse_name(name));
  };
  EXPECT_TRUE(matches("C=DE, O=Example, CN=gw", "C=DE, O=EXAMPLE, CN=gw"));
  EXPECT_TRUE(matches("O=a b", "O=a  b"));
  EXPECT_FALSE(matches("C=DE, CN=gw", "CN=gw, C=DE")) << "the order counts";
  EXPECT_FALSE(matches("C=DE, CN=gw", "C=DE, O=x, CN=gw"));
  EXPECT_TRUE(matches("C=DE, O=Example, CN=*", "C=DE, O=Example, CN=anything"));
  EXPECT_TRUE(matches("C=*, O=*, CN=*", "C=DE, O=Example, CN=gw"));
  EXPECT_FALSE(matches("C=DE, O=Example, CN=*", "C=DE, O=Other, CN=anything"));
  EXPECT_FALSE(matches("CN=*", "O=x"));
  EXPECT_FALSE(matches("C=DE, O=Example, CN=anything", "C=DE, O=Example, CN=*"));
  EXPECT_FALSE(name_matches({}, *parse_name("CN=x")));
}

TEST(Certificate, WhatIsInOne) {
  Issued root = Issued::root();
  const Issued leaf = root.issue({.subject = "C=DE, CN=gw.example",
                                  .names = "DNS:gw.example,email:op@gw.example,IP:192.0.2.1",
                                  .usage = "digitalSignature",
                                  .key_kind = "EC:P-384"});
  const Certificate certificate = leaf.certificate();
  EXPECT_EQ(certificate.subject_text(), "C=DE, CN=gw.example");
  EXPECT_EQ(certificate.issuer_text(), "O=Test, CN=Root");
  EXPECT_EQ(certificate.subject(), *parse_name("C=DE, CN=gw.example"));
  EXPECT_EQ(certificate.serial_text(), "65");
  EXPECT_EQ(certificate.not_before(), kNow - kDay);
  EXPECT_EQ(certificate.not_after(), kNow + 90 * kDay);
  EXPECT_EQ(time_text(kNow), "2026-09-21 14:13:20 UTC");
  EXPECT_EQ(certificate.key().kind(), KeyKind::ecdsa_p384);
  EXPECT_FALSE(certificate.is_authority());
  EXPECT_TRUE(certificate.may_authenticate());
  EXPECT_TRUE(root.certificate().is_authority());
  const std::vector<std::string> names = {"gw.example", "op@gw.example", "192.0.2.1"};
  EXPECT_EQ(certificate.alternative_names(), names);
  EXPECT_NE(certificate.key_hash(), root.certificate().key_hash());
}

TEST(Certificate, CoversWhatSubjectAltNameHas) {
  Issued root = Issued::root();
  const Certificate certificate =
      root.issue({.subject = "CN=cn.example",
                  .names = "DNS:gw.example,DNS:*.wild.example,email:op@example,IP:192.0.2.1,"
                           "IP:2001:db8::1"})
          .certificate();
  EXPECT_TRUE(certificate.covers_host("gw.example"));
  EXPECT_TRUE(certificate.covers_host("GW.example"));
  EXPECT_FALSE(certificate.covers_host("other.example"));
  EXPECT_FALSE(certificate.covers_host("cn.example")) << "the subject is no alternative name";
  EXPECT_FALSE(certificate.covers_host("a.wild.example")) << "nothing stands for another";
  EXPECT_FALSE(certificate.covers_host(""));
  EXPECT_FALSE(certificate.covers_host(std::string_view("gw.example\0x", 12)));
  EXPECT_TRUE(certificate.covers_email("op@example"));
  EXPECT_FALSE(certificate.covers_email("other@example"));
  EXPECT_TRUE(certificate.covers_address(hex("c0000201")));
  EXPECT_FALSE(certificate.covers_address(hex("c0000202")));
  EXPECT_TRUE(certificate.covers_address(hex("20010db8000000000000000000000001")));
  EXPECT_FALSE(certificate.covers_key_id(hex("00")));
  EXPECT_FALSE(certificate.covers_key_id({}));
}

TEST(Certificate, KeyUsageOtherThanSigning) {
  Issued root = Issued::root();
  EXPECT_FALSE(root.issue({.usage = "keyEncipherment"}).certificate().may_authenticate());
  EXPECT_TRUE(root.issue({.usage = "nonRepudiation"}).certificate().may_authenticate());
  EXPECT_TRUE(root.issue({}).certificate().may_authenticate());
}

TEST(Certificate, NothingElseIsParsed) {
  const Bytes der = Issued::root().der();
  EXPECT_TRUE(Certificate::parse(der));
  EXPECT_FALSE(Certificate::parse({}));
  EXPECT_FALSE(Certificate::parse(Bytes(kMaxCertificate + 1)));
  for (std::size_t length = 0; length < der.size(); length += 7) {
    EXPECT_FALSE(Certificate::parse(std::span(der).first(length)));
  }
  Bytes longer = der;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(Certificate::parse(longer));
}

TEST(Certificate, FilesOfSeveral) {
  Issued root = Issued::root();
  Bytes file = root.pem();
  const Bytes second = root.issue({}).pem();
  file.insert(file.end(), second.begin(), second.end());
  EXPECT_EQ(Certificate::parse_file(file)->size(), 2U);
  EXPECT_EQ(Certificate::parse_file(root.der())->size(), 1U);
  EXPECT_FALSE(Certificate::parse_file(text("nothing")));
  EXPECT_FALSE(Certificate::parse_file({}));
}

struct Verdict {
  const TrustStore& store;
  std::vector<Certificate> untrusted = {};
  std::int64_t now = kNow;
  Revocation revocation = Revocation::relaxed;

  std::optional<ChainFailure> of(const Issued& leaf) const {
    const auto verified = store.verify(leaf.certificate(), untrusted, now, revocation);
    if (!verified) {
      EXPECT_FALSE(verified.error().text.empty());
    }
    return verified ? std::nullopt : std::optional(verified.error().failure);
  }
};

TEST(TrustStore, ChainsLeadToAnAnchor) {
  Issued root = Issued::root();
  Issued middle = root.issue({.subject = "CN=Middle", .authority = true});
  const Issued leaf = middle.issue({});
  TrustStore store;
  store.add_anchor(root.certificate());
  EXPECT_EQ(Verdict{store}.of(leaf), ChainFailure::untrusted) << "the middle is missing";
  EXPECT_EQ((Verdict{store, {middle.certificate()}}.of(leaf)), std::nullopt);
  TrustStore partial;
  partial.add_anchor(middle.certificate());
  EXPECT_EQ(Verdict{partial}.of(leaf), std::nullopt) << "an intermediate authority may be trusted";
  TrustStore pinned;
  pinned.add_anchor(leaf.certificate());
  EXPECT_EQ(Verdict{pinned}.of(leaf), std::nullopt);
  const Issued other = Issued::root({.subject = "CN=Other", .authority = true});
  TrustStore stranger;
  stranger.add_anchor(other.certificate());
  EXPECT_EQ((Verdict{stranger, {middle.certificate(), root.certificate()}}.of(leaf)),
            ChainFailure::untrusted);
}

TEST(TrustStore, SameNameAnotherKey) {
  Issued root = Issued::root();
  Issued forged = Issued::root();
  TrustStore store;
  store.add_anchor(root.certificate());
  EXPECT_TRUE(Verdict{store}.of(forged.issue({})));
}

TEST(TrustStore, LeavesAreNoAuthorities) {
  Issued root = Issued::root();
  Issued leaf = root.issue({});
  TrustStore store;
  store.add_anchor(root.certificate());
  EXPECT_TRUE((Verdict{store, {leaf.certificate()}}.of(leaf.issue({.subject = "CN=x"}))));
}

TEST(TrustStore, Times) {
  Issued root = Issued::root({.subject = "CN=Root",
                              .authority = true,
                              .not_before = kNow - 1000 * kDay,
                              .not_after = kNow + 1000 * kDay});
  const Issued leaf = root.issue({});
  TrustStore store;
  store.add_anchor(root.certificate());
  const auto at = [&](std::int64_t now) { return Verdict{.store = store, .now = now}.of(leaf); };
  EXPECT_EQ(at(kNow + 91 * kDay), ChainFailure::expired);
  EXPECT_EQ(at(kNow - 2 * kDay), ChainFailure::not_yet_valid);
  const auto verified = store.verify(leaf.certificate(), {}, kNow + 91 * kDay, Revocation::relaxed);
  EXPECT_EQ(verified.error().text,
            "the certificate of CN=gw.example expired on 2026-12-20 14:13:20 UTC");
}

TEST(TrustStore, WeakSignaturesAreRefused) {
  Issued root = Issued::root();
  TrustStore store;
  store.add_anchor(root.certificate());
  EXPECT_EQ(Verdict{store}.of(root.issue({.digest = "SHA1"})), ChainFailure::bad);
  EXPECT_EQ(Verdict{store}.of(root.issue({.digest = "SHA384"})), std::nullopt);
}

TEST(TrustStore, RevocationLists) {
  Issued root = Issued::root();
  const Issued good = root.issue({});
  const Issued revoked = root.issue({});
  TrustStore store;
  store.add_anchor(root.certificate());
  const Verdict strict{.store = store, .revocation = Revocation::strict};
  EXPECT_EQ(strict.of(good), ChainFailure::no_revocation_list);
  ASSERT_TRUE(store.add_revocation_lists(root.revoke({&revoked})));
  EXPECT_EQ(Verdict{store}.of(good), std::nullopt);
  EXPECT_EQ(Verdict{store}.of(revoked), ChainFailure::revoked);
  EXPECT_EQ(strict.of(good), std::nullopt);
  EXPECT_EQ(strict.of(revoked), ChainFailure::revoked);
}

TEST(TrustStore, OldListsStillRevoke) {
  Issued root = Issued::root();
  const Issued good = root.issue({});
  const Issued revoked = root.issue({});
  TrustStore store;
  store.add_anchor(root.certificate());
  ASSERT_TRUE(store.add_revocation_lists(root.revoke({&revoked}, kNow - 1)));
  EXPECT_EQ(Verdict{store}.of(good), std::nullopt);
  EXPECT_EQ(Verdict{store}.of(revoked), ChainFailure::revoked);
  EXPECT_EQ((Verdict{.store = store, .revocation = Revocation::strict}.of(good)),
            ChainFailure::no_revocation_list);
}

TEST(TrustStore, ListsOfOthersDoNotCount) {
  Issued root = Issued::root();
  Issued other = Issued::root({.subject = "CN=Other", .authority = true});
  const Issued leaf = root.issue({});
  TrustStore store;
  store.add_anchor(root.certificate());
  ASSERT_TRUE(store.add_revocation_lists(other.revoke({&leaf})));
  EXPECT_EQ(Verdict{store}.of(leaf), std::nullopt);
  EXPECT_FALSE(store.add_revocation_lists(text("nothing")));
  EXPECT_FALSE(store.add_revocation_lists({}));
}

TEST(TrustStore, EachKindOfKey) {
  for (const std::string kind : {"RSA:2048", "EC:P-256", "EC:P-521", "ED25519"}) {
    Issued root = Issued::root({.subject = "CN=Root", .authority = true, .key_kind = kind});
    TrustStore store;
    store.add_anchor(root.certificate());
    EXPECT_EQ(Verdict{store}.of(root.issue({.key_kind = kind})), std::nullopt) << kind;
  }
}

}  // namespace
}  // namespace gotthard::crypto
