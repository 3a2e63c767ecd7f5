// The handshake against a transcript that another implementation computed.
#include <gtest/gtest.h>

#include "control/noise/cookie.h"
#include "control/noise/handshake.h"
#include "crypto/bytes.h"
#include "tests/vectors/noise_transcript.h"

namespace gotthard::noise {
namespace {

std::vector<std::byte> hex(std::string_view text) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

template <std::size_t N = 32>
std::array<std::uint8_t, N> array(std::string_view text) {
  const auto bytes = hex(text);
  std::array<std::uint8_t, N> result{};
  for (std::size_t i = 0; i < N; ++i) {
    result[i] = std::to_integer<std::uint8_t>(bytes.at(i));
  }
  return result;
}

crypto::KeyPair key_pair(std::string_view private_key) {
  auto secret = crypto::PrivateKey::copy_of(array(private_key));
  const auto public_key = crypto::public_key(secret);
  return {std::move(secret), public_key};
}

void expect_secret(const crypto::Secret<32>& secret, std::string_view expected) {
  EXPECT_TRUE(crypto::equal(secret.bytes(), hex(expected)));
}

class Transcript : public testing::Test {
 protected:
  static crypto::Blake2sMac make_mac() {
    auto made = crypto::Blake2sMac::create();
    return std::move(*made);
  }
  crypto::KeyPair initiator_ = key_pair(transcript::kInitiatorPrivate);
  crypto::KeyPair responder_ = key_pair(transcript::kResponderPrivate);
  PresharedKey psk_ = PresharedKey::copy_of(array(transcript::kPresharedKey));
  crypto::Blake2sMac mac_ = make_mac();
  const Endpoint source_{{abi::Family::ipv4, {192, 0, 2, 1}}, __builtin_bswap16(51820)};
};

TEST_F(Transcript, PublicKeys) {
  EXPECT_EQ(initiator_.public_key, array(transcript::kInitiatorPublic));
  EXPECT_EQ(responder_.public_key, array(transcript::kResponderPublic));
}

TEST_F(Transcript, BothSidesByteForByte) {
  const auto to_responder = remote_static(initiator_, responder_.public_key);
  const auto to_initiator = remote_static(responder_, initiator_.public_key);
  ASSERT_TRUE(to_responder && to_initiator);

  auto initiation =
      create_initiation(initiator_, *to_responder, key_pair(transcript::kInitiatorEphemeral),
                        array<12>(transcript::kTimestamp), transcript::kInitiatorIndex);
  ASSERT_TRUE(initiation);
  CookieJar to_responder_macs(responder_.public_key);
  to_responder_macs.add_macs(initiation->message, 0, mac_);
  EXPECT_EQ(to_datagram(initiation->message), hex(transcript::kInitiation));

  const auto received = parse_initiation(hex(transcript::kInitiation));
  ASSERT_TRUE(received);
  const auto identified = identify_initiator(responder_, *received);
  ASSERT_TRUE(identified);
  EXPECT_EQ(identified->initiator, initiator_.public_key);
  const auto consumed = consume_initiation(*identified, *to_initiator, *received);
  ASSERT_TRUE(consumed);
  EXPECT_EQ(consumed->timestamp, array<12>(transcript::kTimestamp));
  EXPECT_EQ(consumed->remote_id, transcript::kInitiatorIndex);

  auto response =
      create_response(*consumed, initiator_.public_key, key_pair(transcript::kResponderEphemeral),
                      psk_, transcript::kResponderIndex);
  ASSERT_TRUE(response);
  CookieJar to_initiator_macs(initiator_.public_key);
  to_initiator_macs.add_macs(response->message, 0, mac_);
  EXPECT_EQ(to_datagram(response->message), hex(transcript::kResponse));
  expect_secret(response->keys.send, transcript::kResponderToInitiator);
  expect_secret(response->keys.receive, transcript::kInitiatorToResponder);

  const auto keys = consume_response(initiation->handshake, initiator_, psk_,
                                     *parse_response(hex(transcript::kResponse)));
  ASSERT_TRUE(keys);
  expect_secret(keys->send, transcript::kInitiatorToResponder);
  expect_secret(keys->receive, transcript::kResponderToInitiator);
}

TEST_F(Transcript, CookieReplyAndMac2) {
  // The checker draws its secret, then, after the nonce, nothing more.
  std::vector<std::vector<std::byte>> drawn = {hex(transcript::kCookieNonce),
                                               hex(transcript::kCookieSecret)};
  CookieChecker checker(responder_.public_key, [&](std::span<std::byte> out) {
    ASSERT_FALSE(drawn.empty());
    ASSERT_EQ(drawn.front().size(), out.size());
    std::ranges::copy(drawn.front(), out.begin());
    drawn.erase(drawn.begin());
  });
  auto message = *parse_initiation(hex(transcript::kInitiation));
  EXPECT_TRUE(checker.mac1_valid(message, mac_));
  const CookieReply reply = checker.reply(message.sender, message.mac1, source_, 0, mac_);
  EXPECT_EQ(to_datagram(reply), hex(transcript::kCookieReply));
  EXPECT_FALSE(checker.mac2_valid(message, source_, 0, mac_));

  CookieJar jar(responder_.public_key);
  jar.add_macs(message, 0, mac_);
  EXPECT_TRUE(jar.accept(*parse_cookie_reply(hex(transcript::kCookieReply)), 0));
  jar.add_macs(message, kSecond, mac_);
  EXPECT_EQ(to_datagram(message), hex(transcript::kInitiationWithCookie));
  EXPECT_TRUE(checker.mac2_valid(message, source_, kSecond, mac_));
}

TEST_F(Transcript, AnyOtherBitIsRefused) {
  const auto to_initiator = remote_static(responder_, initiator_.public_key);
  const auto sealed = hex(transcript::kInitiation);
  const std::size_t signed_by_noise = offsetof(Initiation, mac1);
  for (std::size_t bit = 8 * offsetof(Initiation, ephemeral); bit < 8 * signed_by_noise; bit += 3) {
    auto changed = sealed;
    changed[bit / 8] ^= std::byte{1} << (bit % 8);
    const auto message = parse_initiation(changed);
    ASSERT_TRUE(message);
    const auto identified = identify_initiator(responder_, *message);
    // The top bit of a public key is ignored by X25519, but it is hashed.
    EXPECT_FALSE(identified && consume_initiation(*identified, *to_initiator, *message)) << bit;
  }
}

}  // namespace
}  // namespace gotthard::noise
