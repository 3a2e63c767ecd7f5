// The paper's timers, in the simulation and by themselves.
#include "tests/unit/noise_node.h"

namespace gotthard::noise::testing {
namespace {

constexpr Nanoseconds kTick = 100 * kMillisecond;

TEST(NoiseTimers, GivesUpAfterNinetySeconds) {
  Pair pair(1);
  pair.network.hosts.erase(2);
  const Nanoseconds start = pair.clock.now();
  pair.a.send_data();
  pair.clock.run_for(200 * kSecond);
  ASSERT_EQ(pair.a.failures.size(), 1U);
  EXPECT_EQ(pair.a.failures[0].second, Outcome::no_response);
  EXPECT_GE(pair.a.failures[0].first, start + kRekeyAttemptTime);
  EXPECT_LE(pair.a.failures[0].first, start + kRekeyAttemptTime + kRekeyTimeout + kSecond);
  ASSERT_GE(pair.a.initiations.size(), 17U);
  std::set<Nanoseconds> gaps;
  for (std::size_t i = 1; i < pair.a.initiations.size(); ++i) {
    const Nanoseconds gap = pair.a.initiations[i] - pair.a.initiations[i - 1];
    EXPECT_GE(gap, kRekeyTimeout);
    EXPECT_LE(gap, kRekeyTimeout + kMaxJitter + kTick);
    gaps.insert(gap);
  }
  EXPECT_GT(gaps.size(), 2U) << "they are spread by chance";
  EXPECT_EQ(pair.a.ids().used(), 0U);
  const auto status = pair.a.device().status(Node::kPeer);
  EXPECT_EQ(status->last_failure, Outcome::no_response);
  EXPECT_FALSE(status->in_flight);

  // Traffic starts it again, and keeps it going for as long as it lasts.
  pair.traffic(pair.a, kSecond);
  pair.clock.run_for(200 * kSecond);
  EXPECT_EQ(pair.a.failures.size(), 1U);
  EXPECT_GT(pair.a.device().status(Node::kPeer)->attempts, 50U);
}

TEST(NoiseTimers, RetriesOfALostMessageComeAfterFiveSeconds) {
  Pair pair(2);
  pair.network.faults.loss = 1;
  pair.a.send_data();
  pair.clock.run_for(kSecond);
  pair.network.faults.loss = 0;
  pair.clock.run_for(3 * kSecond);
  EXPECT_EQ(pair.a.initiations.size(), 1U);
  pair.clock.run_for(2 * kSecond);
  EXPECT_EQ(pair.a.initiations.size(), 2U);
  EXPECT_TRUE(pair.agree());
}

TEST(NoiseTimers, NothingIsSentWhenNothingHappens) {
  Pair pair(3);
  pair.clock.run_for(600 * kSecond);
  EXPECT_TRUE(pair.network.handshakes.empty());
  pair.a.send_data();
  pair.clock.run_for(600 * kSecond);
  EXPECT_EQ(pair.network.handshakes.size(), 2U) << "no renewal of a session that nobody uses";
  EXPECT_EQ(pair.a.keepalives, 1U) << "the one that confirms";
  EXPECT_EQ(pair.b.keepalives, 0U);
}

TEST(NoiseTimers, KeysAreErasedAfterThreeTimesTheirLife) {
  Pair pair(4);
  pair.a.send_data();
  pair.clock.run_for(kEraseAfterTime - kSecond);
  EXPECT_EQ(pair.a.sessions(), 1U);
  EXPECT_EQ(pair.b.sessions(), 1U);
  pair.clock.run_for(2 * kSecond);
  EXPECT_EQ(pair.a.sessions(), 0U);
  EXPECT_EQ(pair.b.sessions(), 0U);
  EXPECT_EQ(pair.a.ids().used(), 0U);
  EXPECT_EQ(pair.b.ids().used(), 0U);
}

TEST(NoiseTimers, PassiveKeepaliveTenSecondsAfterDataWithoutAnAnswer) {
  Pair pair(5);
  pair.a.send_data();
  pair.clock.run_for(5 * kSecond);
  const Nanoseconds sent = pair.clock.now();
  pair.a.send_data();
  pair.clock.run_for(60 * kSecond);
  ASSERT_EQ(pair.b.keepalive_times.size(), 1U);
  EXPECT_NEAR(static_cast<double>(pair.b.keepalive_times[0] - sent), 10.1 * kSecond, kTick);
  EXPECT_EQ(pair.a.initiations.size(), 1U) << "that was the answer";
}

TEST(NoiseTimers, NewHandshakeWhenDataIsNotAnsweredForFifteenSeconds) {
  Pair pair(6);
  pair.a.send_data();
  pair.clock.run_for(5 * kSecond);
  pair.network.hosts.erase(2);
  const Nanoseconds sent = pair.clock.now();
  pair.a.send_data();
  pair.clock.run_for(60 * kSecond);
  ASSERT_GE(pair.a.initiations.size(), 2U);
  EXPECT_GE(pair.a.initiations[1], sent + kUnansweredTimeout);
  EXPECT_LE(pair.a.initiations[1], sent + kUnansweredTimeout + kMaxJitter + 2 * kTick);
}

TEST(NoiseTimers, PersistentKeepaliveBringsTheTunnelUpAndKeepsItUp) {
  Pair pair(7, 5, 25 * kSecond);
  pair.clock.run_for(kSecond);
  EXPECT_TRUE(pair.agree()) << "without traffic";
  pair.clock.run_for(1000 * kSecond);
  EXPECT_TRUE(pair.agree());
  EXPECT_NEAR(static_cast<double>(pair.a.keepalives), 1000.0 / 25 + 8, 3);
  EXPECT_EQ(pair.b.keepalives, 0U);
  EXPECT_NEAR(static_cast<double>(pair.a.done.size()), 1000.0 / 125, 1);
  // An unreachable peer is tried again for ever.
  pair.network.hosts.erase(2);
  pair.clock.run_for(1000 * kSecond);
  EXPECT_GE(pair.a.failures.size(), 4U);
  EXPECT_GT(pair.a.initiations.back(), pair.clock.now() - 40 * kSecond);
}

TEST(NoiseTimers, PersistentKeepaliveStartsWhenItIsSwitchedOn) {
  Pair pair(8);
  pair.a.send_data();
  pair.clock.run_for(5 * kSecond);
  const auto before = pair.a.keepalives;
  ASSERT_TRUE(
      pair.a.device().update_peer(Node::kPeer, {preshared_key(5), std::nullopt, 25 * kSecond}));
  pair.clock.run_for(kSecond);
  EXPECT_EQ(pair.a.keepalives, before + 1);
}

TEST(NoiseTimers, RekeyOfTheOperatorKeepsFiveSecondsDistance) {
  Pair pair(9);
  pair.a.send_data();
  pair.clock.run_for(kSecond);
  pair.a.perform(pair.a.device().rekey(Node::kPeer, pair.a.time()));
  pair.clock.run_for(3 * kSecond);
  EXPECT_EQ(pair.a.done.size(), 1U);
  pair.clock.run_for(3 * kSecond);
  EXPECT_EQ(pair.a.done.size(), 2U);
  pair.clock.run_for(10 * kSecond);
  pair.b.perform(pair.b.device().rekey(Node::kPeer, pair.b.time()));
  pair.clock.run_for(kSecond);
  EXPECT_EQ(pair.b.done.size(), 3U) << "by the responder too, at once";
  EXPECT_TRUE(pair.agree());
}

TEST(NoiseTimers, AdoptedSessionsAreRenewedAtTheirAge) {
  Pair pair(10);
  pair.a.send_data();
  pair.clock.run_for(kSecond);
  const Nanoseconds done = pair.a.done[0];
  pair.traffic(pair.a, kSecond / 4);
  pair.clock.run_for(60 * kSecond);
  pair.a.restart_control(99);
  pair.clock.run_for(80 * kSecond);
  ASSERT_EQ(pair.a.initiations.size(), 2U);
  EXPECT_NEAR(static_cast<double>(pair.a.initiations[1] - done), 120.2 * kSecond, 0.3 * kSecond);
  EXPECT_EQ(pair.a.refused + pair.b.refused, 0U);
}

// ---------------------------------------------------------------- the conditions by themselves

struct Check {
  Timers timers;
  std::optional<Session> session = Session{7, 8, Role::initiator, 1000 * kSecond};
  Activity activity;
  Nanoseconds keepalive = 0;
  Due at(Nanoseconds age) {
    const Randomness no_jitter = [](std::span<std::byte> out) {
      std::ranges::fill(out, std::byte{0});
    };
    return timers.check(activity, session, keepalive, no_jitter, session->installed + age);
  }
};

TEST(NoiseTimers, OnlyTheInitiatorRenewsByAgeAndOnlyWhenItSends) {
  Check check;
  check.activity.last_rx = check.session->installed + 130 * kSecond;
  check.activity.last_tx = check.session->installed + kRekeyAfterTime - 1;
  EXPECT_FALSE(check.at(140 * kSecond).handshake);
  check.activity.last_tx += 1;
  EXPECT_TRUE(check.at(140 * kSecond).handshake);
  EXPECT_FALSE(check.at(kRejectAfterTime).handshake) << "too late: a new packet will ask";
  check.session->role = Role::responder;
  EXPECT_FALSE(check.at(140 * kSecond).handshake);
}

TEST(NoiseTimers, InitiatorThatOnlyReceivesRenewsOnceAt165Seconds) {
  Check check;
  check.activity.last_rx = check.session->installed + 165 * kSecond - 1;
  EXPECT_FALSE(check.at(166 * kSecond).handshake);
  check.activity.last_rx += 1;
  EXPECT_TRUE(check.at(166 * kSecond).handshake);
  EXPECT_FALSE(check.at(167 * kSecond).handshake);
}

TEST(NoiseTimers, EitherSideRenewsAfterTooManyMessages) {
  Check check;
  check.session->role = Role::responder;
  check.activity.current_session = 7;
  check.activity.sent = kRekeyAfterMessages - 1;
  EXPECT_FALSE(check.at(kSecond).handshake);
  check.activity.sent += 1;
  EXPECT_TRUE(check.at(kSecond).handshake);
  check.activity.current_session = 9;
  EXPECT_FALSE(check.at(kSecond).handshake) << "that was another session's count";
}

TEST(NoiseTimers, UnansweredDataIsNoticedOnce) {
  Check check;
  const Nanoseconds start = check.session->installed;
  check.activity.last_tx_data = start + 3 * kSecond;
  check.activity.unanswered_since = start + kSecond;
  EXPECT_FALSE(check.at(16 * kSecond - 1).handshake);
  EXPECT_TRUE(check.at(16 * kSecond).handshake);
  EXPECT_FALSE(check.at(60 * kSecond).handshake) << "nothing was sent since";
  check.activity.last_tx_data = start + 61 * kSecond;
  EXPECT_FALSE(check.at(62 * kSecond).handshake);
  EXPECT_FALSE(check.at(75 * kSecond).handshake);
  EXPECT_TRUE(check.at(76 * kSecond).handshake);
  // A handshake message is an answer as well.
  check.activity.last_tx_data = start + 80 * kSecond;
  check.timers.handshake_message_received(start + 81 * kSecond);
  EXPECT_FALSE(check.at(99 * kSecond).handshake);
}

TEST(NoiseTimers, KeepalivesGoOnWhileDataComes) {
  Check check;
  const Nanoseconds start = check.session->installed;
  int sent = 0;
  for (Nanoseconds age = 0; age < 100 * kSecond; age += kTick) {
    check.activity.last_rx = check.activity.last_rx_data = start + age;
    if (check.at(age).keepalive) {
      ++sent;
      check.activity.last_tx = start + age;
    }
  }
  EXPECT_NEAR(sent, 9, 1);
}

TEST(NoiseTimers, DataThatIsAnsweredInTheSameSnapshotOwesAtMostOneKeepalive) {
  Check check;
  const Nanoseconds start = check.session->installed;
  check.activity.last_rx_data = check.activity.last_tx = start + kSecond;
  EXPECT_FALSE(check.at(2 * kSecond).keepalive);
  EXPECT_TRUE(check.at(11 * kSecond).keepalive);
  EXPECT_FALSE(check.at(30 * kSecond).keepalive);
}

// ---------------------------------------------------------------- timestamps

TEST(NoiseTimestamps, AreTai64nWithoutTheirLowBits) {
  const Tai64n label = tai64n(1'700'000'000 * kSecond + 999'999'999);
  const Tai64n expected = {0x40, 0, 0, 0, 0x65, 0x53, 0xf1, 0x0a, 0x3b, 0, 0, 0};
  EXPECT_EQ(label, expected);
}

TEST(NoiseTimestamps, IncreaseWhateverTheClockDoes) {
  std::mt19937_64 engine(1);
  Tai64n last{};
  for (int i = 0; i < 100'000; ++i) {
    const Tai64n next = next_tai64n(engine() % (4 * kSecond), last);
    ASSERT_GT(next, last);
    const std::uint32_t nanoseconds = std::uint32_t{next[8]} << 24 | std::uint32_t{next[9]} << 16 |
                                      std::uint32_t{next[10]} << 8 | next[11];
    ASSERT_LT(nanoseconds, kSecond);
    ASSERT_EQ(nanoseconds % (1U << 24), 0U);
    last = next;
  }
  EXPECT_EQ(next_tai64n(9'000'000 * kSecond, last), tai64n(9'000'000 * kSecond));
}

}  // namespace
}  // namespace gotthard::noise::testing
