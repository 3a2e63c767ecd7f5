// Cookies, load and the limits per source.
#include "control/noise/admission.h"
#include "tests/unit/noise_node.h"

namespace gotthard::noise::testing {
namespace {

crypto::Blake2sMac make_mac() {
  auto made = crypto::Blake2sMac::create();
  return std::move(*made);
}

abi::Address ipv4(std::uint32_t number) {
  return {abi::Family::ipv4,
          {static_cast<std::uint8_t>(number >> 24), static_cast<std::uint8_t>(number >> 16),
           static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)}};
}

TEST(NoiseLoad, UnderLoadOnlyMessagesWithACookieAreAnswered) {
  Pair pair(1);
  pair.b.under_load = true;
  pair.a.send_data();
  pair.clock.run_for(kSecond);
  EXPECT_EQ(pair.b.ids().used(), 0U) << "no state for it";
  EXPECT_EQ(pair.b.checkpoint(), Timestamps{}) << "not even a timestamp";
  EXPECT_EQ(counted(pair.b.device(), Outcome::mac2_missing), 1U);
  EXPECT_EQ(counted(pair.b.device(), Outcome::cookie_reply_sent), 1U);
  EXPECT_EQ(counted(pair.a.device(), Outcome::cookie_accepted), 1U);
  ASSERT_EQ(pair.network.handshakes.size(), 2U);
  EXPECT_EQ(pair.network.handshakes[1].handshake.size(), sizeof(CookieReply));
  EXPECT_LT(sizeof(CookieReply), sizeof(Initiation)) << "no amplification";
  // The next initiation carries mac2.
  pair.clock.run_for(5 * kSecond);
  EXPECT_TRUE(pair.agree());
}

TEST(NoiseLoad, InitiatorUnderLoadAsksTheResponderForACookieToo) {
  Pair pair(2);
  pair.a.under_load = true;
  pair.a.send_data();
  pair.clock.run_for(kSecond);
  EXPECT_EQ(counted(pair.b.device(), Outcome::cookie_accepted), 1U);
  EXPECT_EQ(pair.a.current(), 0U);
  pair.clock.run_for(10 * kSecond);
  EXPECT_TRUE(pair.agree());
}

TEST(NoiseLoad, BothUnderLoadOnABadNetworkConverge) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    Pair pair(seed);
    pair.a.under_load = pair.b.under_load = true;
    pair.network.faults = {.loss = 0.2, .duplication = 0.2, .spread = 100 * kMillisecond};
    pair.traffic(pair.a, kSecond);
    pair.clock.run_for(200 * kSecond);
    EXPECT_GT(pair.b.received.size(), 50U);
  }
}

TEST(NoiseLoad, LoadIsRememberedForASecond) {
  Pair pair(3);
  const Bytes junk(sizeof(Initiation));
  (void)pair.b.device().on_datagram(junk, endpoint(9), {}, pair.b.time(), true);
  pair.a.send_data();
  pair.clock.run_for(kSecond / 2);
  EXPECT_EQ(counted(pair.b.device(), Outcome::mac2_missing), 1U);
  pair.clock.run_for(6 * kSecond);
  EXPECT_TRUE(pair.agree());
}

class NoiseCookie : public ::testing::Test {
 protected:
  // A message with mac1, and mac2 when there is a cookie.
  Initiation signed_now() {
    Initiation message;
    message.sender = to_wire(77);
    jar_.add_macs(message, now_, mac_);
    return message;
  }
  bool valid(const Initiation& message, const Endpoint& from = endpoint(1)) {
    return checker_.mac2_valid(message, from, now_, mac_);
  }
  bool get_cookie() {
    const Initiation message = signed_now();
    return jar_.accept(checker_.reply(message.sender, message.mac1, endpoint(1), now_, mac_), now_);
  }

  crypto::Blake2sMac mac_ = make_mac();
  CookieChecker checker_{public_key(102), seeded(3)};
  CookieJar jar_{public_key(102)};
  Nanoseconds now_ = 1000 * kSecond;
};

TEST_F(NoiseCookie, ProvesOneSourceOnly) {
  EXPECT_FALSE(valid(signed_now()));
  ASSERT_TRUE(get_cookie());
  const Initiation message = signed_now();
  EXPECT_TRUE(checker_.mac1_valid(message, mac_));
  EXPECT_TRUE(valid(message));
  EXPECT_FALSE(valid(message, endpoint(2)));
  EXPECT_FALSE(valid(message, endpoint(1, 51821)));
  Endpoint ipv6 = endpoint(1);
  ipv6.address.family = abi::Family::ipv6;
  EXPECT_FALSE(valid(message, ipv6));
  Initiation other = message;
  other.sender[0] ^= 1;
  EXPECT_FALSE(valid(other));
  EXPECT_FALSE(checker_.mac1_valid(other, mac_));
}

TEST_F(NoiseCookie, EndsWithItsSecret) {
  ASSERT_TRUE(get_cookie());
  now_ += kCookieLifetime - kCookieLatency - 1;
  EXPECT_TRUE(valid(signed_now()));
  const Initiation kept = signed_now();
  now_ += 1;
  EXPECT_EQ(signed_now().mac2, MessageMac{}) << "not used in its last seconds";
  EXPECT_TRUE(valid(kept));
  now_ += kCookieLatency;
  EXPECT_FALSE(valid(kept)) << "a new secret";
  ASSERT_TRUE(get_cookie());
  EXPECT_TRUE(valid(signed_now()));
}

TEST_F(NoiseCookie, ReplyBelongsToTheLastMessageAndIsUsedOnce) {
  const Initiation message = signed_now();
  const CookieReply reply = checker_.reply(message.sender, message.mac1, endpoint(1), now_, mac_);
  for (std::size_t bit = 8 * offsetof(CookieReply, nonce); bit < 8 * sizeof(CookieReply); ++bit) {
    Bytes damaged = to_datagram(reply);
    damaged[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_FALSE(jar_.accept(*parse_cookie_reply(damaged), now_)) << bit;
  }
  Initiation other = message;
  other.sender[0] ^= 1;
  jar_.add_macs(other, now_, mac_);
  EXPECT_FALSE(jar_.accept(reply, now_)) << "an answer to an earlier message";
  const CookieReply fitting = checker_.reply(other.sender, other.mac1, endpoint(1), now_, mac_);
  EXPECT_TRUE(jar_.accept(fitting, now_));
  EXPECT_FALSE(jar_.accept(fitting, now_));
}

TEST_F(NoiseCookie, UnexpectedRepliesAreCounted) {
  Pair pair(4);
  const Initiation message = signed_now();
  const CookieReply reply = checker_.reply(message.sender, message.mac1, endpoint(1), now_, mac_);
  const auto datagram = to_datagram(reply);
  EXPECT_TRUE(pair.a.device().on_datagram(datagram, endpoint(2), {}, pair.a.time(), false).empty());
  EXPECT_EQ(counted(pair.a.device(), Outcome::cookie_unexpected), 1U);
  pair.a.send_data();
  CookieReply named = reply;
  named.receiver = parse_initiation(pair.network.handshakes.at(0).handshake)->sender;
  EXPECT_TRUE(pair.a.device()
                  .on_datagram(to_datagram(named), endpoint(2), {}, pair.a.time(), false)
                  .empty());
  EXPECT_EQ(counted(pair.a.device(), Outcome::cookie_not_authentic), 1U);
}

TEST(NoiseAdmission, TwentyASecondFiveAtOncePerSource) {
  auto mac = make_mac();
  Admission admission(seeded(1));
  Nanoseconds now = 1000 * kSecond;
  const auto burst = [&](const abi::Address& source, int count) {
    int admitted = 0;
    for (int i = 0; i < count; ++i) {
      admitted += admission.admit(source, now, mac) ? 1 : 0;
    }
    return admitted;
  };
  EXPECT_EQ(burst(ipv4(1), 100), 5);
  EXPECT_EQ(burst(ipv4(2), 100), 5) << "sources do not share";
  now += 50 * kMillisecond;
  EXPECT_EQ(burst(ipv4(1), 100), 1);
  int admitted = 0;
  for (int i = 0; i < 1000; ++i) {
    now += 10 * kMillisecond;
    admitted += burst(ipv4(1), 1);
  }
  EXPECT_NEAR(admitted, 200, 1);
  now += 3600 * kSecond;
  EXPECT_EQ(burst(ipv4(1), 100), 5);
}

TEST(NoiseAdmission, OneIpv6NetworkIsOneSource) {
  auto mac = make_mac();
  Admission admission(seeded(1));
  abi::Address host{abi::Family::ipv6, {0x20, 0x01, 0x0d, 0xb8}};
  int admitted = 0;
  for (std::uint8_t i = 0; i < 100; ++i) {
    host.bytes[15] = i;
    admitted += admission.admit(host, 1000 * kSecond, mac) ? 1 : 0;
  }
  EXPECT_EQ(admitted, 5);
  host.bytes[7] = 1;
  EXPECT_TRUE(admission.admit(host, 1000 * kSecond, mac));
}

TEST(NoiseAdmission, AFloodOfSourcesFitsInItsMemoryAndPasses) {
  auto mac = make_mac();
  Admission admission(seeded(1));
  Nanoseconds now = 1000 * kSecond;
  std::size_t admitted = 0;
  for (std::uint32_t source = 0; source < 50'000; ++source) {
    admitted += admission.admit(ipv4(source), now, mac) ? 1 : 0;
  }
  EXPECT_LE(admitted, Admission::kSets * Admission::kWays);
  EXPECT_GT(admitted, Admission::kSets * Admission::kWays * 9 / 10);
  now += Admission::kBurst;
  EXPECT_TRUE(admission.admit(ipv4(99'999), now, mac)) << "room again once they are quiet";
}

}  // namespace
}  // namespace gotthard::noise::testing
