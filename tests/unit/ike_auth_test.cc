// What AUTH payloads are made of.
#include <gtest/gtest.h>

#include "control/ike/auth/auth_data.h"
#include "crypto/prf.h"
#include "crypto/signature_algorithm.h"
#include "tests/unit/ike_testing.h"
#include "tests/unit/x509_testing.h"

namespace gotthard::ike::testing {
namespace {

using crypto::Digest;
using crypto::SignatureFamily;
using crypto::SignatureScheme;
using x509_testing::Issued;

const HashAlgorithms kAll = {HashAlgorithm::sha2_256, HashAlgorithm::sha2_384,
                             HashAlgorithm::sha2_512, HashAlgorithm::identity};

TEST(IkeAuth, OctetsAreMessageNonceAndIdentity) {
  const auto p = crypto::SecretBytes::copy_of(text("SK_p"));
  const Buffer id = text("id");
  const auto maced = crypto::prf(Digest::sha384, p.bytes(), {id});
  EXPECT_EQ(to_hex(signed_octets(PrfId::hmac_sha2_384, p, text("message"), text("nonce"), id)),
            to_hex(text("messagenonce")) + to_hex(maced.bytes()));
  EXPECT_EQ(to_hex(signed_octets(PrfId::hmac_sha2_384, p, text("m"), text("n"), id, text("i"))),
            to_hex(text("mn")) + to_hex(maced.bytes()) + to_hex(text("i")));
}

TEST(IkeAuth, SharedKeys) {
  const Buffer octets = text("octets");
  const auto key = crypto::prf(Digest::sha256, text("secret"), {text("Key Pad for IKEv2")});
  const auto expected = crypto::prf(Digest::sha256, key.bytes(), {octets});
  const auto made = shared_key_auth(PrfId::hmac_sha2_256, text("secret"), octets);
  EXPECT_EQ(to_hex(made.bytes()), to_hex(expected.bytes()));
  EXPECT_TRUE(shared_key_auth_valid(PrfId::hmac_sha2_256, text("secret"), octets, made.bytes()));
  EXPECT_FALSE(shared_key_auth_valid(PrfId::hmac_sha2_256, text("Secret"), octets, made.bytes()));
  EXPECT_FALSE(shared_key_auth_valid(PrfId::hmac_sha2_256, text("secret"), octets,
                                     Bytes(made.bytes()).first(31)));
  EXPECT_FALSE(shared_key_auth_valid(PrfId::hmac_sha2_256, text("secret"), octets, {}));
}

TEST(IkeAuth, HashAlgorithmsOfAPeer) {
  EXPECT_TRUE(parse_hash_algorithms(nullptr).empty());
  const Buffer ours = our_hash_algorithms();
  EXPECT_EQ(to_hex(ours), "0002000300040005");
  const Notify notify{.type = NotifyType::signature_hash_algorithms, .data = ours};
  EXPECT_EQ(parse_hash_algorithms(&notify), kAll);
  const Buffer odd =
      hex("0001000200020099"
          "00");
  const Notify other{.type = NotifyType::signature_hash_algorithms, .data = odd};
  EXPECT_EQ(parse_hash_algorithms(&other), HashAlgorithms{HashAlgorithm::sha2_256})
      << "SHA-1 is not taken";
}

// RFC 7427, appendix A.
TEST(IkeAuth, AlgorithmIdentifiersOfTheRfc) {
  const auto digits = [](const SignatureScheme& scheme) {
    const auto identifier = crypto::algorithm_identifier(scheme);
    EXPECT_TRUE(crypto::scheme_of(identifier));
    return to_hex(identifier);
  };
  EXPECT_EQ(digits({SignatureFamily::rsa_pkcs1, Digest::sha256}), "300d06092a864886f70d01010b0500");
  EXPECT_EQ(digits({SignatureFamily::rsa_pkcs1, Digest::sha512}), "300d06092a864886f70d01010d0500");
  EXPECT_EQ(digits({SignatureFamily::ecdsa, Digest::sha256}), "300a06082a8648ce3d040302");
  EXPECT_EQ(digits({SignatureFamily::ecdsa, Digest::sha512}), "300a06082a8648ce3d040304");
  EXPECT_EQ(digits({SignatureFamily::ed25519}), "300506032b6570");
  EXPECT_EQ(digits({SignatureFamily::rsa_pss, Digest::sha256, 32}),
            "304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f7"
            "0d010108300d06096086480165030402010500a203020120");
}

TEST(IkeAuth, AlgorithmIdentifiersThatAreRefused) {
  for (const std::string_view digits :
       {"300d06092a864886f70d0101050500",  // SHA-1 with RSA
        "300906072a8648ce3d0401",          // ECDSA with SHA-1
        "300d06092a864886f70d01010a3000",  // RSASSA-PSS by default: SHA-1
        "300b06092a864886f70d01010a",      // without parameters
        "300d06092a864886f70d01010b0500"
        "00",                          // something after it
        "3005", "", "300506032b6571",  // Ed448
        // RSASSA-PSS with SHA-256, its mask by SHA-1
        "302006092a864886f70d01010a3013a00f300d060960864801650304020105000000"}) {
    EXPECT_FALSE(crypto::scheme_of(hex(digits))) << digits;
  }
  const auto other_mask =
      hex("304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d"
          "010108300d06096086480165030402020500a203020120");
  EXPECT_FALSE(crypto::scheme_of(other_mask)) << "its mask is made by SHA-384";
}

TEST(IkeAuth, IdentifiersOfAllSchemesAreTheirOwn) {
  for (const auto family :
       {SignatureFamily::rsa_pkcs1, SignatureFamily::rsa_pss, SignatureFamily::ecdsa}) {
    for (const Digest digest : {Digest::sha256, Digest::sha384, Digest::sha512}) {
      const SignatureScheme scheme{
          family, digest, family == SignatureFamily::rsa_pss ? crypto::digest_size(digest) : 0};
      EXPECT_EQ(crypto::scheme_of(crypto::algorithm_identifier(scheme)), scheme);
    }
  }
}

struct Signer {
  crypto::SigningKey key;
  crypto::VerifyingKey verifying;
};

Signer signer(const std::string& kind) {
  const Issued issued = Issued::root({.key_kind = kind});
  return {issued.signing_key(), issued.certificate().key()};
}

SignatureVerdict check(const Signer& by, const AuthData& data, Bytes octets) {
  return verify(by.verifying, {data.method, data.data}, octets);
}

TEST(IkeAuth, SignaturesOfEachKindOfKey) {
  const Buffer octets = text("octets");
  for (const std::string kind : {"RSA:2048", "EC:P-256", "EC:P-384", "EC:P-521", "ED25519"}) {
    const Signer by = signer(kind);
    const auto made = sign(by.key, std::nullopt, kAll, octets);
    ASSERT_TRUE(made) << kind;
    EXPECT_EQ(made->method, AuthMethod::digital_signature);
    EXPECT_EQ(check(by, *made, octets), SignatureVerdict::valid);
    EXPECT_EQ(check(by, *made, text("others")), SignatureVerdict::wrong);
    AuthData cut{made->method, copy(Bytes(made->data).first(made->data.size() - 1))};
    EXPECT_EQ(check(by, cut, octets), SignatureVerdict::wrong);
    cut.data.resize(10);
    EXPECT_EQ(check(by, cut, octets),
              kind == "ED25519" ? SignatureVerdict::wrong : SignatureVerdict::unsupported);
  }
}

TEST(IkeAuth, HashesThatThePeerKnows) {
  const Buffer octets = text("octets");
  const auto digest = [&](const Signer& by, const HashAlgorithms& theirs) {
    const auto made = sign(by.key, std::nullopt, theirs, octets);
    const std::size_t size = std::to_integer<std::size_t>(made->data.front());
    return crypto::scheme_of(Bytes(made->data).subspan(1, size))->digest;
  };
  const Signer p384 = signer("EC:P-384");
  EXPECT_EQ(digest(p384, kAll), Digest::sha384);
  EXPECT_EQ(digest(p384, {HashAlgorithm::sha2_256}), Digest::sha256);
  EXPECT_EQ(digest(signer("EC:P-256"), kAll), Digest::sha256);
  EXPECT_EQ(digest(signer("EC:P-521"), kAll), Digest::sha512);
  EXPECT_FALSE(sign(signer("ED25519").key, std::nullopt, {HashAlgorithm::sha2_256}, octets));
}

TEST(IkeAuth, WantedSchemes) {
  const Buffer octets = text("octets");
  const Signer rsa = signer("RSA:2048");
  for (const std::string_view word :
       {"rsa", "rsa-sha384", "rsa-sha512", "rsa/pss", "rsa/pss-sha256", "rsa/pss-sha512"}) {
    const auto wanted = parse_scheme(word);
    ASSERT_TRUE(wanted) << word;
    const auto made = sign(rsa.key, wanted, kAll, octets);
    ASSERT_TRUE(made);
    const std::size_t size = std::to_integer<std::size_t>(made->data.front());
    const auto used = crypto::scheme_of(Bytes(made->data).subspan(1, size));
    EXPECT_EQ(used->family, wanted->family);
    EXPECT_EQ(used->digest, wanted->digest);
    EXPECT_EQ(check(rsa, *made, octets), SignatureVerdict::valid);
  }
  EXPECT_TRUE(parse_scheme("ecdsa-sha256"));
  EXPECT_TRUE(parse_scheme("ed25519"));
  for (const std::string_view bad :
       {"", "rsa-sha1", "rsa/pkcs", "dsa", "ecdsa-", "ed25519-sha256"}) {
    EXPECT_FALSE(parse_scheme(bad)) << bad;
  }
}

TEST(IkeAuth, PeersWithoutRfc7427) {
  const Buffer octets = text("octets");
  const std::vector<std::pair<std::string, AuthMethod>> kinds = {
      {"EC:P-256", AuthMethod::ecdsa_256},
      {"EC:P-384", AuthMethod::ecdsa_384},
      {"EC:P-521", AuthMethod::ecdsa_521}};
  for (const auto& [kind, method] : kinds) {
    const Signer by = signer(kind);
    const auto made = sign(by.key, std::nullopt, {}, octets);
    ASSERT_TRUE(made);
    EXPECT_EQ(made->method, method);
    EXPECT_EQ(check(by, *made, octets), SignatureVerdict::valid);
    EXPECT_EQ(check(by, *made, text("x")), SignatureVerdict::wrong);
    for (const auto& [other, other_method] : kinds) {
      if (other_method != method) {
        EXPECT_EQ(check(by, {other_method, made->data}, octets), SignatureVerdict::unsupported);
      }
    }
  }
  EXPECT_FALSE(sign(signer("RSA:2048").key, std::nullopt, {}, octets)) << "it would take SHA-1";
  EXPECT_FALSE(sign(signer("ED25519").key, std::nullopt, {}, octets));
}

TEST(IkeAuth, OldAndUnknownMethodsAreRefused) {
  const Signer rsa = signer("RSA:2048");
  for (const int method : {1, 2, 3, 12, 99}) {
    EXPECT_EQ(check(rsa, {static_cast<AuthMethod>(method), Buffer(256)}, text("x")),
              SignatureVerdict::unsupported);
  }
}

}  // namespace
}  // namespace gotthard::ike::testing
