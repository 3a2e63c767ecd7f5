// Authentication by certificates between two engines: each kind of key, chains in fragments, and
// what is refused by which name.
#include <gtest/gtest.h>

#include "control/ike/auth/auth_data.h"
#include "tests/unit/ike_pair.h"
#include "tests/unit/x509_testing.h"

namespace gotthard::ike::testing {
namespace {

using x509_testing::Issued;
using x509_testing::kDay;
using x509_testing::kNow;
using x509_testing::Wanted;

Wanted of(const std::string& name, const std::string& kind = "EC:P-256") {
  return {.subject = "O=Test, CN=" + name, .names = "DNS:" + name, .key_kind = kind};
}

// Both ends of a connection whose two sides have certificates of one authority.
struct Certified {
  Issued root = Issued::root();
  Issued left_own;
  Issued right_own;
  std::vector<crypto::Certificate> between;  // intermediate authorities that both send
  std::optional<crypto::SignatureScheme> scheme;
  std::vector<std::byte> revoked;  // a list that the left one has
  crypto::Revocation revocation = crypto::Revocation::relaxed;

  Certified(const Wanted& left, const Wanted& right)
      : left_own(root.issue(left)), right_own(root.issue(right)) {}

  ConnectionSettings settings(bool is_left) const {
    ConnectionSettings made = Pair::settings(is_left);
    const Issued& own = is_left ? left_own : right_own;
    made.local_auth.kind = AuthKind::certificate;
    made.local_auth.chain = {own.certificate()};
    made.local_auth.chain.insert(made.local_auth.chain.end(), between.begin(), between.end());
    made.local_auth.key = own.signing_key();
    made.local_auth.scheme = scheme;
    made.remote_auth.kind = AuthKind::certificate;
    auto trust = std::make_shared<crypto::TrustStore>();
    trust->add_anchor(root.certificate());
    if (is_left && !revoked.empty()) {
      EXPECT_TRUE(trust->add_revocation_lists(revoked));
    }
    made.remote_auth.trust = trust;
    made.remote_auth.revocation = is_left ? revocation : crypto::Revocation::relaxed;
    return made;
  }
  void establish(Pair& pair) const {
    pair.left.configure(settings(true));
    pair.right.configure(settings(false));
    pair.left.initiate();
    pair.run();
  }
};

TEST(IkeCertificate, EachKindOfKeySigns) {
  for (const char* kind : {"EC:P-256", "EC:P-384", "EC:P-521", "RSA:2048", "ED25519"}) {
    SCOPED_TRACE(kind);
    Certified certified(of("left.example", kind), of("right.example", kind));
    Pair pair;
    certified.establish(pair);
    EXPECT_EQ(pair.left.children(), 1U);
    EXPECT_EQ(pair.right.children(), 1U);
  }
  Certified pss(of("left.example", "RSA:2048"), of("right.example", "RSA:2048"));
  pss.scheme = parse_scheme("rsa/pss-sha512");
  Pair pair;
  pss.establish(pair);
  EXPECT_EQ(pair.left.children(), 1U);
}

TEST(IkeCertificate, MethodsMayDifferEachWay) {
  Certified certified(of("left.example"), of("right.example"));
  Pair pair;
  ConnectionSettings left = Pair::settings(true);  // shows a key, wants a certificate
  ConnectionSettings right = certified.settings(false);
  left.remote_auth = std::move(certified.settings(true).remote_auth);
  right.remote_auth = std::move(Pair::settings(false).remote_auth);
  pair.left.configure(std::move(left));
  pair.right.configure(std::move(right));
  pair.left.initiate();
  pair.run();
  EXPECT_EQ(pair.left.children(), 1U);

  Pair mismatch;
  mismatch.left.configure(Pair::settings(true));
  mismatch.right.configure(certified.settings(false));
  mismatch.left.initiate();
  mismatch.run();
  EXPECT_TRUE(mismatch.right.happened(Cause::method_not_accepted));
  EXPECT_EQ(mismatch.left.established(), 0U);
}

TEST(IkeCertificate, AChainGoesInFragments) {
  Certified certified(of("left.example", "RSA:4096"), of("right.example", "RSA:4096"));
  Issued middle = certified.root.issue(
      {.subject = "O=Test, CN=Middle", .authority = true, .key_kind = "RSA:4096"});
  certified.left_own = middle.issue(of("left.example", "RSA:4096"));
  certified.right_own = middle.issue(of("right.example", "RSA:4096"));
  certified.between = {middle.certificate()};
  Pair pair;
  pair.network.faults.spread = 50 * kMillisecond;
  certified.establish(pair);
  EXPECT_EQ(pair.left.children(), 1U);
  EXPECT_GT(pair.network.log.size(), 6U);
  for (const Sent& sent : pair.network.log) {
    EXPECT_LE(sent.bytes.size() + 28, 1280U);
  }
  // Without them a message of this size goes as one.
  Pair whole;
  ConnectionSettings left = certified.settings(true);
  left.fragmentation = false;
  whole.left.configure(std::move(left));
  whole.right.configure(certified.settings(false));
  whole.left.initiate();
  whole.run();
  EXPECT_EQ(whole.left.children(), 1U);
  EXPECT_EQ(whole.network.log.size(), 4U);
}

TEST(IkeCertificate, LostAndDoubledFragmentsAreMadeUpFor) {
  Certified certified(of("left.example", "RSA:4096"), of("right.example", "RSA:4096"));
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Pair pair(seed);
    pair.network.faults = {.loss = 0.2, .duplication = 0.3, .spread = 100 * kMillisecond};
    pair.left.configure(certified.settings(true));
    pair.right.configure(certified.settings(false));
    pair.left.initiate();
    pair.run(60 * kSecond);
    EXPECT_EQ(pair.left.children(), 1U) << seed;
  }
}

// What the left one says of the right one's certificate.
Cause refused_because(const Certified& certified) {
  Pair pair;
  certified.establish(pair);
  EXPECT_EQ(pair.left.established() + pair.right.established(), 0U);
  EXPECT_TRUE(pair.left.installed.empty() && pair.right.installed.empty());
  for (const Happened& one : pair.left.events) {
    if (one.stage == Stage::authentication) {
      EXPECT_FALSE(one.text.empty());
      return one.cause;
    }
  }
  return Cause::done;
}

TEST(IkeCertificate, WhatIsWrongHasAName) {
  Wanted late = of("right.example");
  late.not_after = kNow - kDay / 2;
  EXPECT_EQ(refused_because({of("left.example"), late}), Cause::certificate_expired);

  Wanted early = of("right.example");
  early.not_before = kNow + kDay;
  EXPECT_EQ(refused_because({of("left.example"), early}), Cause::certificate_not_yet_valid);

  EXPECT_EQ(refused_because({of("left.example"), of("somebody.example")}),
            Cause::identity_not_in_certificate);

  Certified stranger(of("left.example"), of("right.example"));
  Issued other = Issued::root({.subject = "O=Other, CN=Root", .authority = true});
  stranger.right_own = other.issue(of("right.example"));
  EXPECT_EQ(refused_because(stranger), Cause::unknown_issuer);

  Certified revoked(of("left.example"), of("right.example"));
  revoked.revoked = revoked.root.revoke({&revoked.right_own});
  EXPECT_EQ(refused_because(revoked), Cause::certificate_revoked);

  Certified strict(of("left.example"), of("right.example"));
  strict.revocation = crypto::Revocation::strict;
  EXPECT_EQ(refused_because(strict), Cause::no_revocation_list);

  Certified thief(of("left.example"), of("right.example"));
  Pair pair;
  ConnectionSettings right = thief.settings(false);
  right.local_auth.key = thief.left_own.signing_key();  // not the certificate's
  pair.left.configure(thief.settings(true));
  pair.right.configure(std::move(right));
  pair.left.initiate();
  pair.run();
  EXPECT_TRUE(pair.left.happened(Cause::signature_wrong));
}

TEST(IkeCertificate, ARevocationEndsWhatIsUp) {
  Certified certified(of("left.example"), of("right.example"));
  Pair pair;
  certified.establish(pair);
  ASSERT_EQ(pair.left.children(), 1U);
  pair.left.configure(certified.settings(true));
  pair.run();
  EXPECT_EQ(pair.left.children(), 1U);
  certified.revoked = certified.root.revoke({&certified.right_own});
  pair.left.configure(certified.settings(true));
  pair.run();
  EXPECT_TRUE(pair.left.happened(Cause::certificate_revoked));
  EXPECT_EQ(pair.left.established() + pair.right.established(), 0U);
  EXPECT_TRUE(pair.right.installed.empty());
}

}  // namespace
}  // namespace gotthard::ike::testing
