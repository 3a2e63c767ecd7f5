// Two devices over networks of all qualities, for thousands of seeds.
#include "tests/unit/noise_node.h"

namespace gotthard::noise::testing {
namespace {

TEST(NoiseSimulation, FirstPacketBringsUpASession) {
  Pair pair(1);
  pair.a.send_data();
  pair.clock.run_for(kSecond);
  EXPECT_TRUE(pair.agree());
  EXPECT_EQ(pair.a.done.size(), 1U);
  EXPECT_EQ(pair.b.done.size(), 1U);
  EXPECT_EQ(pair.network.handshakes.size(), 2U);
  pair.a.send_data();
  pair.b.send_data();
  pair.clock.run_for(kSecond);
  EXPECT_EQ(pair.a.received.size(), 1U);
  EXPECT_EQ(pair.b.received.size(), 1U);
}

TEST(NoiseSimulation, BadNetworksConvergeAndCarry) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(seed);
    Pair pair(seed, seed % 3);
    std::mt19937_64 engine(seed);
    pair.network.faults = {.loss = static_cast<double>(seed % 4) * 0.15,
                           .duplication = static_cast<double>(seed % 5) * 0.1,
                           .latency = 1 + engine() % (200 * kMillisecond),
                           .spread = 1 + engine() % (400 * kMillisecond)};
    pair.a.install_takes = engine() % (20 * kMillisecond);
    pair.b.install_takes = engine() % (20 * kMillisecond);
    // One side has traffic, or both, at once or nearly.
    pair.clock.at(engine() % kSecond, [&] { pair.traffic(pair.a, 300 * kMillisecond); });
    if (seed % 2 == 0) {
      pair.clock.at(engine() % kSecond, [&] { pair.traffic(pair.b, 300 * kMillisecond); });
    }
    pair.clock.run_for(25 * kSecond);
    pair.network.faults = {};
    pair.clock.run_for(15 * kSecond);
    ASSERT_NE(pair.a.current(), 0U);
    ASSERT_NE(pair.b.current(), 0U);
    EXPECT_TRUE(pair.b.has_session(pair.a.remote_of_current()));
    EXPECT_TRUE(pair.a.has_session(pair.b.remote_of_current()));
    // From now on everything arrives.
    const auto sent = pair.a.sent;
    const auto received = pair.b.received.size();
    pair.clock.run_for(5 * kSecond);
    EXPECT_NEAR(static_cast<double>(pair.b.received.size() - received),
                static_cast<double>(pair.a.sent - sent), 1);
    EXPECT_LE(pair.a.ids().used(), 5U);
    EXPECT_LE(pair.b.ids().used(), 5U);
    if (HasFailure()) {
      return;
    }
  }
}

TEST(NoiseSimulation, SimultaneousInitiationsEndInOneSession) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    SCOPED_TRACE(seed);
    Pair pair(seed);
    std::mt19937_64 engine(seed);
    pair.network.faults.latency = 1 + engine() % (300 * kMillisecond);
    pair.a.send_data();
    pair.clock.run_for(engine() % pair.network.faults.latency);
    pair.b.send_data();
    pair.clock.run_for(2 * kSecond);
    ASSERT_TRUE(pair.agree());
    EXPECT_EQ(pair.a.sessions(), 1U);
    EXPECT_EQ(pair.b.sessions(), 1U);
    EXPECT_EQ(pair.a.ids().used(), 1U);
    EXPECT_EQ(pair.b.ids().used(), 1U);
  }
}

TEST(NoiseSimulation, SimultaneousInitiationsConvergeWhenOneIsLost) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    Pair pair(seed);
    pair.network.faults.latency = 40 * kMillisecond;
    pair.network.faults.loss = 0.5;
    pair.a.send_data();
    pair.b.send_data();
    pair.clock.run_for(kSecond / 2);
    pair.network.faults.loss = 0;
    pair.clock.run_for(12 * kSecond);
    pair.a.send_data();
    pair.b.send_data();
    pair.clock.run_for(kSecond);
    EXPECT_EQ(pair.a.received.size(), 1U);
    EXPECT_EQ(pair.b.received.size(), 1U);
  }
}

TEST(NoiseSimulation, RekeysWithoutLosingAPacket) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    Pair pair(seed);
    pair.network.faults = {.latency = (1 + seed * 4) * kMillisecond, .spread = 3 * kMillisecond};
    pair.a.send_data();
    pair.clock.run_for(kSecond);
    pair.traffic(pair.a, 7 * kMillisecond);
    pair.traffic(pair.b, 9 * kMillisecond);
    pair.clock.run_for(500 * kSecond);
    EXPECT_EQ(pair.a.refused, 0U);
    EXPECT_EQ(pair.b.refused, 0U);
    EXPECT_EQ(pair.a.no_session, 1U) << "only the one that started it";
    EXPECT_EQ(pair.b.no_session, 0U);
    // Every 120 s, by the initiator of the first.
    ASSERT_EQ(pair.a.initiations.size(), 5U);
    for (std::size_t i = 1; i < 5; ++i) {
      const double age = static_cast<double>(pair.a.initiations[i] - pair.a.done[i - 1]) / kSecond;
      EXPECT_NEAR(age, 120.1, 0.11);
    }
    EXPECT_TRUE(pair.b.initiations.empty());
    EXPECT_LE(pair.a.sessions(), 2U);
    EXPECT_LE(pair.b.sessions(), 2U);
  }
}

TEST(NoiseSimulation, RekeysOverLossyNetworksStayUp) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    Pair pair(seed);
    pair.network.faults = {.loss = 0.2, .duplication = 0.2, .spread = 50 * kMillisecond};
    pair.traffic(pair.a, 100 * kMillisecond);
    pair.traffic(pair.b, 150 * kMillisecond);
    pair.clock.run_for(30 * kSecond);
    const auto before_a = pair.a.no_session;
    const auto before_b = pair.b.no_session;
    pair.clock.run_for(570 * kSecond);
    EXPECT_EQ(pair.a.no_session, before_a) << "60 s are enough for a rekey";
    EXPECT_EQ(pair.b.no_session, before_b);
    EXPECT_EQ(pair.a.refused + pair.b.refused, 0U);
  }
}

TEST(NoiseSimulation, RestartOfControlDuringARekeyLosesNothing) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    Pair pair(seed);
    pair.network.faults.latency = 10 * kMillisecond;
    pair.a.send_data();
    pair.clock.run_for(kSecond);
    pair.traffic(pair.a, 20 * kMillisecond);
    pair.traffic(pair.b, 20 * kMillisecond);
    pair.clock.run_for(100 * kSecond);
    pair.a.perform(pair.a.device().rekey(Node::kPeer, pair.a.time()));
    pair.clock.run_for(seed * kMillisecond);  // before, during and after the handshake
    Node& victim = seed % 2 == 0 ? pair.a : pair.b;
    victim.restart_control(seed + 77);
    pair.clock.run_for(200 * kSecond);
    EXPECT_EQ(pair.a.refused + pair.b.refused, 0U);
    EXPECT_EQ(pair.a.no_session + pair.b.no_session, 1U);
    EXPECT_GE(pair.a.done.size() + pair.b.done.size(), 4U);
  }
}

TEST(NoiseSimulation, RestartOfADataPlaneHandshakesAgain) {
  Pair pair(3);
  pair.a.send_data();
  pair.clock.run_for(20 * kSecond);
  ASSERT_TRUE(pair.agree());
  pair.b.restart_dataplane();
  pair.clock.run_for(kSecond);
  EXPECT_TRUE(pair.agree()) << "at once, without waiting for traffic";
  EXPECT_EQ(pair.b.initiations.size(), 1U);
}

}  // namespace
}  // namespace gotthard::noise::testing
