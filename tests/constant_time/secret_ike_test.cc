// IKEv2's keys and messages: what was agreed on, and all that follows from it, is secret. Not here:
// the groups that OpenSSL computes with its big numbers, and signatures; see README.
#include <algorithm>
#include <array>

#include "control/ike/auth/auth_data.h"
#include "control/ike/keys/derive.h"
#include "control/ike/sa/cookie.h"
#include "crypto/dh_group.h"
#include "crypto/message_cipher.h"
#include "tests/constant_time/secret_memory.h"

namespace gotthard::constant_time {
namespace {

using crypto::MessageAlgorithm;
using crypto::MessageSuite;

class SecretIke : public SecretMemory {};

TEST_F(SecretIke, Curves) {
  for (const auto group : {crypto::DhGroup::curve25519, crypto::DhGroup::curve448}) {
    const auto private_value = [group](int number) {
      return crypto::dh_private(
          group, [number](std::span<std::byte> bytes) { fill_secret(bytes, number); });
    };
    const auto ours = private_value(1);
    const auto theirs = private_value(2);
    const auto our_public = crypto::dh_public(group, ours);
    const auto their_public = crypto::dh_public(group, theirs);
    EXPECT_TRUE(is_secret(our_public));
    declassify(our_public);
    declassify(their_public);
    const auto one = crypto::dh_secret(group, ours, their_public);
    const auto other = crypto::dh_secret(group, theirs, our_public);
    ASSERT_TRUE(one && other);
    EXPECT_TRUE(is_secret(one->bytes()));
    EXPECT_TRUE(declassified(crypto::equal(one->bytes(), other->bytes())));
  }
}

TEST_F(SecretIke, Keys) {
  const auto nonce = public_bytes(32, 1);
  const ike::Nonces nonces{nonce, nonce};
  for (const auto prf :
       {ike::PrfId::hmac_sha2_256, ike::PrfId::hmac_sha2_384, ike::PrfId::hmac_sha2_512}) {
    const auto shared = secret_bytes(32, 2);
    const auto seed = ike::skeyseed(prf, nonces, shared);
    const auto keys = ike::derive_ike_keys({.prf = prf}, seed, nonces, {1, 2});
    EXPECT_TRUE(is_secret(keys.p_responder.bytes()));
    const auto child = ike::derive_child_keys(prf, keys.d, {}, nonces, std::span(&shared, 1));
    EXPECT_TRUE(is_secret(child.responder.encryption.bytes()));
  }
}

TEST_F(SecretIke, SharedKeys) {
  const auto key = secret_bytes(32, 1);
  const auto octets = public_bytes(200, 2);
  const auto auth = ike::shared_key_auth(ike::PrfId::hmac_sha2_256, key.bytes(), octets);
  EXPECT_TRUE(is_secret(auth.bytes()));
  // It goes to the peer.
  declassify(auth.bytes());
  for (const bool right : {true, false}) {
    const auto other = secret_bytes(32, right ? 1 : 3);
    const bool valid =
        ike::shared_key_auth_valid(ike::PrfId::hmac_sha2_256, other.bytes(), octets, auth.bytes());
    EXPECT_EQ(declassified(valid), right);
  }
}

TEST_F(SecretIke, Cookies) {
  ike::Cookies cookies([](std::span<std::byte> bytes) { fill_secret(bytes, 1); });
  const auto nonce = public_bytes(32, 2);
  auto cookie = cookies.make(nonce, {}, 3, 0);
  EXPECT_TRUE(is_secret(cookie));
  // It goes to whoever asked.
  declassify(cookie);
  EXPECT_TRUE(declassified(cookies.valid(cookie, nonce, {}, 3, 0)));
  cookie.back() ^= std::byte{1};
  EXPECT_FALSE(declassified(cookies.valid(cookie, nonce, {}, 3, 0)));
}

TEST_F(SecretIke, Messages) {
  const auto before = public_bytes(48, 1);
  const auto text = secret_bytes(96, 2);
  for (const auto& suite : {MessageSuite{MessageAlgorithm::aes_gcm_16, 16},
                            MessageSuite{MessageAlgorithm::aes_gcm_16, 32},
                            MessageSuite{MessageAlgorithm::chacha20_poly1305, 32},
                            MessageSuite{MessageAlgorithm::aes_cbc, 16, crypto::Digest::sha256},
                            MessageSuite{MessageAlgorithm::aes_cbc, 32, crypto::Digest::sha512}}) {
    const crypto::MessageKeys keys{secret_bytes(suite.encryption_key_size(), 3),
                                   secret_bytes(suite.integrity_key_size(), 4)};
    const auto iv = public_bytes(suite.iv_size(), 5);
    auto sealed = crypto::seal_message(suite, keys, iv, before, text.bytes());
    EXPECT_TRUE(is_secret(std::span(sealed).last(suite.icv_size())));
    // It goes onto the wire.
    declassify(sealed);
    const auto opened = crypto::open_message(suite, keys, before, sealed);
    ASSERT_TRUE(opened);
    EXPECT_TRUE(is_secret(*opened));
    EXPECT_TRUE(declassified(crypto::equal(*opened, text.bytes())));
    sealed.back() ^= std::byte{1};
    EXPECT_FALSE(crypto::open_message(suite, keys, before, sealed));
  }
}

}  // namespace
}  // namespace gotthard::constant_time
