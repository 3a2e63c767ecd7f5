#include "crypto/signature.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <memory>
#include <string>

#include "tests/unit/crypto_testing.h"

namespace gotthard::crypto {
namespace {

using testing::Bytes;
using testing::copy;
using testing::hex;
using testing::text;

std::string pem_of(EVP_PKEY* key, const char* passphrase = nullptr) {
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> out(BIO_new(BIO_s_mem()), BIO_free_all);
  EXPECT_EQ(PEM_write_bio_PKCS8PrivateKey(
                out.get(), key, passphrase != nullptr ? EVP_aes_128_cbc() : nullptr, passphrase,
                passphrase != nullptr ? 4 : 0, nullptr, nullptr),
            1);
  char* data = nullptr;
  const auto size = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

struct Pair {
  std::string pem;
  VerifyingKey verifying;
};

Pair make(EVP_PKEY* key) {
  EXPECT_NE(key, nullptr);
  std::string pem = pem_of(key);
  return {std::move(pem), *VerifyingKey::adopt(key)};
}

const std::vector<Pair>& pairs() {
  static const std::vector<Pair> made = [] {
    std::vector<Pair> result;
    result.push_back(make(EVP_RSA_gen(2048)));
    for (const char* curve : {"P-256", "P-384", "P-521"}) {
      result.push_back(make(EVP_EC_gen(curve)));
    }
    result.push_back(make(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")));
    return result;
  }();
  return made;
}

std::vector<SignatureScheme> schemes() {
  std::vector<SignatureScheme> all;
  for (const auto family :
       {SignatureFamily::rsa_pkcs1, SignatureFamily::rsa_pss, SignatureFamily::ecdsa}) {
    for (const Digest digest : {Digest::sha256, Digest::sha384, Digest::sha512}) {
      all.push_back({family, digest, digest_size(digest)});
    }
  }
  all.push_back({SignatureFamily::ed25519});
  return all;
}

TEST(Signature, EachSchemeWithEachKeyThatItFits) {
  std::size_t fitting = 0;
  for (const Pair& pair : pairs()) {
    const auto key = SigningKey::parse(text(pair.pem));
    ASSERT_TRUE(key) << key.error().message;
    EXPECT_TRUE(key->belongs_to(pair.verifying));
    for (const SignatureScheme& scheme : schemes()) {
      const auto signature = key->sign(scheme, {text("mess"), text("age")});
      ASSERT_EQ(signature.has_value(), key->fits(scheme));
      if (!signature) {
        EXPECT_FALSE(pair.verifying.verify(scheme, {text("message")}, text("x")));
        continue;
      }
      ++fitting;
      EXPECT_TRUE(pair.verifying.verify(scheme, {text("message")}, *signature));
      EXPECT_FALSE(pair.verifying.verify(scheme, {text("massage")}, *signature));
      for (const SignatureScheme& other : schemes()) {
        EXPECT_EQ(pair.verifying.verify(other, {text("message")}, *signature), other == scheme);
      }
      Bytes changed = *signature;
      changed[changed.size() / 2] ^= std::byte{1};
      EXPECT_FALSE(pair.verifying.verify(scheme, {text("message")}, changed));
    }
  }
  EXPECT_EQ(fitting, 6U + 3 * 3 + 1);
}

TEST(Signature, OfAnotherKeyIsRefused) {
  for (const Pair& pair : pairs()) {
    for (const Pair& other : pairs()) {
      EXPECT_EQ(SigningKey::parse(text(pair.pem))->belongs_to(other.verifying), &pair == &other);
    }
  }
}

// RFC 8032, section 7.1, test 3.
TEST(Signature, VectorOfRfc8032) {
  const Bytes pkcs8 =
      hex("302e020100300506032b657004220420"
          "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7");
  const auto key = SigningKey::parse(pkcs8);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->kind(), KeyKind::ed25519);
  EXPECT_EQ(key->sign({SignatureFamily::ed25519}, {hex("af82")}),
            hex("6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
                "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"));
}

TEST(Signature, EcdsaInTheWritingOfRfc4754) {
  for (const std::size_t which : {1U, 2U, 3U}) {
    const Pair& pair = pairs()[which];
    const auto key = SigningKey::parse(text(pair.pem));
    const SignatureScheme scheme{SignatureFamily::ecdsa, Digest::sha256};
    for (int i = 0; i < 20; ++i) {
      const auto der = key->sign(scheme, {text("m")});
      const auto plain = ecdsa_to_raw(key->kind(), *der);
      ASSERT_TRUE(plain);
      EXPECT_EQ(plain->size(), which == 1 ? 64U : which == 2 ? 96U : 132U);
      const auto again = ecdsa_from_raw(key->kind(), *plain);
      ASSERT_TRUE(again);
      EXPECT_EQ(*again, *der);
      EXPECT_FALSE(ecdsa_from_raw(key->kind(), std::span(*plain).first(plain->size() - 1)));
    }
  }
  EXPECT_FALSE(ecdsa_to_raw(KeyKind::ecdsa_p256, text("no DER")));
  EXPECT_FALSE(ecdsa_from_raw(KeyKind::rsa, {}));
}

TEST(Signature, KeysThatAreTooWeakOrUnknownAreRefused) {
  const auto refusal = [](EVP_PKEY* key) {
    const std::string pem = pem_of(key);
    EVP_PKEY_free(key);
    const auto parsed = SigningKey::parse(text(pem));
    return parsed ? std::string() : parsed.error().message;
  };
  EXPECT_NE(refusal(EVP_RSA_gen(1024)).find("1024 bits"), std::string::npos);
  EXPECT_NE(refusal(EVP_EC_gen("secp256k1")).find("not known"), std::string::npos);
  EXPECT_NE(refusal(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519")).find("not known"),
            std::string::npos);
}

TEST(Signature, KeyFilesThatCannotBeRead) {
  EXPECT_FALSE(SigningKey::parse({}));
  EXPECT_FALSE(SigningKey::parse(text("-----BEGIN PRIVATE KEY-----\nAAAA\n")));
  EVP_PKEY* key = EVP_EC_gen("P-256");
  const auto locked = SigningKey::parse(text(pem_of(key, "word")));
  EVP_PKEY_free(key);
  ASSERT_FALSE(locked) << "nobody is asked for a passphrase";
  EXPECT_NE(locked.error().message.find("passphrase"), std::string::npos);
}

}  // namespace
}  // namespace gotthard::crypto
