// Packets that wait for a session or a neighbour, and go on in order.
#include <gtest/gtest.h>

#include "tests/packet/messages.h"

namespace gotthard::packet_test {
namespace {

TEST(Parking, LetsPacketsGoInOrderOnceThereIsASession) {
  Bench bench;
  for (std::uint8_t i = 0; i < 10; ++i) {
    bench.receive_ip(kLan, udp("10.1.0.2", 1, "10.2.0.9", 2, {i}));
  }
  bench.run();
  EXPECT_EQ(bench.events<abi::NeedHandshake>().size(), 1U);
  const Keys keys = bench.install(0, kSession0);
  bench.run();
  const auto sent = bench.sent(kWan);
  ASSERT_EQ(sent.size(), 10U);
  for (std::uint8_t i = 0; i < 10; ++i) {
    EXPECT_EQ(open(keys.send, message_in(sent[i], false)).value().text[28], i);
  }
}

TEST(Parking, LetsPacketsGoInOrderOnceTheNeighbourIsThere) {
  Bench bench;
  for (std::uint8_t i = 0; i < 3; ++i) {
    bench.receive_ip(kLan, udp("10.1.0.2", 1, "10.9.0.9", 2, {i}));
  }
  bench.run();
  const auto asked = bench.events<abi::NeedNeighbour>();
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].address, address("10.1.0.3"));
  EXPECT_EQ(asked[0].port, kLan);
  bench.command(abi::NeighbourSet{.neighbour = 2,
                                  .port = kLan,
                                  .mac = kLanMac,
                                  .reachable = 1,
                                  .address = address("10.1.0.3")});
  bench.run();
  const auto sent = bench.sent(kLan);
  ASSERT_EQ(sent.size(), 3U);
  for (std::uint8_t i = 0; i < 3; ++i) {
    EXPECT_EQ(sent[i][14 + 28], i);
    EXPECT_EQ(sent[i][14 + 8], 63) << "one hop, not two";
  }
}

// The last gate before the underlay sees it a second time, and must know what its route allowed.
TEST(Parking, WhatMayLeavePlainStillMayWhenItsNeighbourIsThere) {
  Bench bench;
  constexpr std::uint32_t kRouter = 3, kByRouter = 20;
  abi::NeighbourSet router{.neighbour = kRouter, .port = kWan, .address = address("192.0.2.9")};
  bench.command(router);
  bench.command(abi::NextHopSet{.next_hop = kByRouter,
                                .kind = abi::HopKind::neighbour,
                                .allow_plain = 1,
                                .port = kWan,
                                .neighbour = kRouter});
  bench.route("10.77.0.0", 16, kByRouter);
  bench.commit();
  bench.receive_ip(kLan, udp("10.1.0.2", 1, "10.77.0.9", 2, {7}));
  bench.run();
  EXPECT_EQ(bench.events<abi::NeedNeighbour>().size(), 1U);
  router.mac = kPeerMac;
  router.reachable = 1;
  bench.command(router);
  bench.run();
  const auto sent = bench.sent(kWan);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0][14 + 28], 7);
  EXPECT_EQ(bench.all_drops(), 0U);
}

}  // namespace
}  // namespace gotthard::packet_test
