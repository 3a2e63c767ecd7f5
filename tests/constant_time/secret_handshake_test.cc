// WireGuard's handshake and what it is made of: private keys, the preshared key and all that
// follows from them are secret.
#include <algorithm>
#include <array>

#include "control/noise/cookie.h"
#include "control/noise/handshake.h"
#include "crypto/bytes.h"
#include "crypto/handshake_aead.h"
#include "crypto/hash.h"
#include "crypto/x25519.h"
#include "tests/constant_time/secret_memory.h"

namespace gotthard::constant_time {
namespace {

using crypto::bytes_of;

class SecretHandshake : public SecretMemory {
 protected:
  static crypto::KeyPair key_pair(int number) {
    crypto::KeyPair pair{.private_key = secret(number)};
    crypto::clamp(pair.private_key);
    pair.public_key = declassified(crypto::public_key(pair.private_key));
    return pair;
  }
  // As it goes onto the wire.
  template <typename Message>
  static void send(Message& message) {
    declassify(noise::bytes_of(message));
  }
};

TEST_F(SecretHandshake, Comparisons) {
  const auto one = secret(1);
  const auto same = secret(1);
  const auto other = secret(2);
  EXPECT_TRUE(declassified(crypto::equal(one.bytes(), same.bytes())));
  EXPECT_FALSE(declassified(crypto::equal(one.bytes(), other.bytes())));
  EXPECT_FALSE(declassified(one.is_zero()));
}

TEST_F(SecretHandshake, Curve25519) {
  const auto ours = key_pair(1);
  const auto theirs = key_pair(2);
  const auto one = crypto::dh(ours.private_key, theirs.public_key);
  const auto other = crypto::dh(theirs.private_key, ours.public_key);
  ASSERT_TRUE(one && other);
  EXPECT_TRUE(is_secret(one->bytes()));
  EXPECT_TRUE(declassified(crypto::equal(one->bytes(), other->bytes())));
}

TEST_F(SecretHandshake, Hashes) {
  const auto key = secret(1);
  const auto input = secret(2);
  EXPECT_TRUE(is_secret(bytes_of(crypto::blake2s(key.bytes(), input.bytes()))));
  const auto derived = crypto::kdf3(key.bytes(), input.bytes());
  EXPECT_TRUE(
      std::ranges::all_of(derived, [](const auto& each) { return is_secret(each.bytes()); }));
  auto mac = crypto::Blake2sMac::create();
  ASSERT_TRUE(mac);
  EXPECT_TRUE(is_secret(bytes_of(mac->mac(key.bytes(), input.bytes()))));
}

TEST_F(SecretHandshake, Aead) {
  const auto key = secret(1);
  const auto text = secret_bytes(100, 2);
  const crypto::XNonce nonce{};
  std::vector<std::byte> sealed(text.size() + crypto::kTagSize);
  std::vector<std::byte> opened(text.size());
  for (const bool extended : {false, true}) {
    if (extended) {
      crypto::xseal(key.bytes(), nonce, text.bytes(), {}, sealed);
    } else {
      crypto::seal(key.bytes(), 7, text.bytes(), {}, sealed);
    }
    EXPECT_TRUE(is_secret(sealed));
    // It goes onto the wire.
    declassify(sealed);
    for (const bool forged : {false, true}) {
      sealed.back() ^= forged ? std::byte{1} : std::byte{0};
      const bool authentic = extended ? crypto::xopen(key.bytes(), nonce, sealed, {}, opened)
                                      : crypto::open(key.bytes(), 7, sealed, {}, opened);
      EXPECT_EQ(declassified(authentic), !forged);
      EXPECT_EQ(is_secret(opened), !forged);
    }
  }
}

TEST_F(SecretHandshake, Noise) {
  const auto initiator = key_pair(1);
  const auto responder = key_pair(2);
  const auto psk = secret(3);
  const auto to_responder = noise::remote_static(initiator, responder.public_key);
  const auto to_initiator = noise::remote_static(responder, initiator.public_key);
  ASSERT_TRUE(to_responder && to_initiator);

  auto initiation = noise::create_initiation(initiator, *to_responder, key_pair(4), {}, 5);
  ASSERT_TRUE(initiation);
  EXPECT_TRUE(is_secret(bytes_of(initiation->message.encrypted_static)));
  send(initiation->message);
  auto identified = noise::identify_initiator(responder, initiation->message);
  ASSERT_TRUE(identified);
  // Who it is decides where it is looked up: the receiver's logs and tables have it anyway.
  declassify(bytes_of(identified->initiator));
  EXPECT_EQ(identified->initiator, initiator.public_key);
  const auto consumed = noise::consume_initiation(*identified, *to_initiator, initiation->message);
  ASSERT_TRUE(consumed);

  auto response = noise::create_response(*consumed, initiator.public_key, key_pair(6), psk, 7);
  ASSERT_TRUE(response);
  EXPECT_TRUE(is_secret(bytes_of(response->message.encrypted_nothing)));
  send(response->message);
  const auto keys =
      noise::consume_response(initiation->handshake, initiator, psk, response->message);
  ASSERT_TRUE(keys);
  EXPECT_TRUE(is_secret(keys->send.bytes()));
  EXPECT_TRUE(declassified(crypto::equal(keys->send.bytes(), response->keys.receive.bytes())));

  response->message.encrypted_nothing.back() ^= 1;
  EXPECT_FALSE(noise::consume_response(initiation->handshake, initiator, psk, response->message));
}

// The checker's secret, and the cookies that it makes anew to check a mac.
TEST_F(SecretHandshake, MacsAndCookies) {
  const auto initiator = key_pair(1);
  const auto responder = key_pair(2);
  auto mac = crypto::Blake2sMac::create();
  const auto to_responder = noise::remote_static(initiator, responder.public_key);
  ASSERT_TRUE(mac && to_responder);
  auto initiation = noise::create_initiation(initiator, *to_responder, key_pair(4), {}, 5);
  ASSERT_TRUE(initiation);
  auto& message = initiation->message;
  send(message);
  noise::CookieJar jar(responder.public_key);
  noise::CookieChecker checker(responder.public_key,
                               [](std::span<std::byte> bytes) { fill_secret(bytes, 8); });
  const noise::Endpoint from{{abi::Family::ipv4, {192, 0, 2, 1}}, 51820};
  jar.add_macs(message, 0, *mac);
  send(message);
  EXPECT_TRUE(declassified(checker.mac1_valid(message, *mac)));
  EXPECT_FALSE(declassified(checker.mac2_valid(message, from, 0, *mac)));

  auto reply = checker.reply(message.sender, message.mac1, from, 0, *mac);
  EXPECT_TRUE(is_secret(bytes_of(reply.encrypted_cookie)));
  send(reply);
  // Whoever sees the reply has the cookie: it says who receives at an address, nothing else.
  ASSERT_TRUE(jar.accept(reply, 0));
  jar.add_macs(message, 0, *mac);
  send(message);
  EXPECT_TRUE(declassified(checker.mac2_valid(message, from, 0, *mac)));
  message.mac2.back() ^= 1;
  EXPECT_FALSE(declassified(checker.mac2_valid(message, from, 0, *mac)));
}

}  // namespace
}  // namespace gotthard::constant_time
