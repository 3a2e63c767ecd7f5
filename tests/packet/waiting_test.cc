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

// The kernel asks for a neighbour three times in three seconds, then gives it up until it is told
// again. A host that is not there is asked for once.
TEST(Parking, WaitsForARouterLongerThanForAHost) {
  std::vector<Drop> dropped;
  dataplane::Parking parking([&](rte_mbuf*, Drop reason) { dropped.push_back(reason); });
  const dataplane::WaitKey by{.kind = dataplane::WaitKind::neighbour, .number = 3, .address = {}};
  const dataplane::WaitKey host{
      .kind = dataplane::WaitKind::address, .number = kLan, .address = address("10.1.0.9")};
  const Nanoseconds start = 100 * kSecond;
  EXPECT_TRUE(parking.park(by, nullptr, start));
  EXPECT_TRUE(parking.park(host, nullptr, start));
  EXPECT_TRUE(parking.expire(start + 999 * kMillisecond).empty());
  EXPECT_EQ(parking.expire(start + kSecond), (std::vector{by}));
  EXPECT_EQ(dropped, (std::vector{Drop::neighbour_unresolved}));
  EXPECT_TRUE(parking.expire(start + 1500 * kMillisecond).empty());
  EXPECT_EQ(parking.expire(start + 2 * kSecond), (std::vector{by}));
  EXPECT_EQ(dropped.size(), 1U);
  EXPECT_TRUE(parking.expire(start + 3 * kSecond).empty());
  EXPECT_EQ(dropped.size(), 2U);
  EXPECT_EQ(parking.size(), 0U);
}

// A neighbour is forgotten while a packet is on its way to it, and another one takes its place.
class NeighbourGone : public testing::Test {
 protected:
  static constexpr std::uint32_t kOld = 5, kByOld = 20;
  static constexpr Mac kNewMac = {2, 0, 0, 0, 0, 0x77};
  NeighbourGone() {
    tell(kOld, "10.1.0.5", {}, false);
    bench.command(abi::NextHopSet{
        .next_hop = kByOld, .kind = abi::HopKind::neighbour, .port = kLan, .neighbour = kOld});
    bench.route("10.77.0.0", 16, kByOld);
    bench.commit();
    bench.receive_ip(kLan, udp("10.1.0.2", 1, "10.77.0.9", 2, {7}));
  }
  void tell(std::uint32_t number, const std::string& of, const Mac& mac, bool reachable) {
    bench.command(abi::NeighbourSet{.neighbour = number,
                                    .port = kLan,
                                    .mac = mac,
                                    .reachable = reachable,
                                    .address = address(of)});
  }
  void replace() {
    bench.command(abi::PrefixRemove{
        .table = abi::Table::routes, .length = 16, .address = address("10.77.0.0")});
    // As control does: the hop's number gets another meaning, then the neighbour goes.
    bench.command(abi::NextHopSet{.next_hop = kByOld, .kind = abi::HopKind::blackhole});
    bench.command(abi::NeighbourRemove{.neighbour = kOld});
    bench.commit();
    tell(6, "10.1.0.6", kNewMac, true);
    bench.settle();
  }
  void expect_lost() {
    bench.run();
    EXPECT_TRUE(bench.sent(kLan).empty()) << "the new neighbour got what was not for it";
    EXPECT_EQ(bench.drops(Drop::neighbour_unresolved), 1U);
    EXPECT_EQ(bench.all_drops(), 1U);
  }
  Bench bench;
};

TEST_F(NeighbourGone, WhileItsPacketIsParked) {
  bench.run();
  replace();
  expect_lost();
}

TEST_F(NeighbourGone, WhileItsPacketIsOnTheWayToTheManager) {
  bench.run_workers();
  // Before the manager looks at what workers handed up, it carries out commands.
  bench.link().send(abi::PrefixRemove{
      .table = abi::Table::routes, .length = 16, .address = address("10.77.0.0")});
  bench.link().send(abi::NextHopSet{.next_hop = kByOld, .kind = abi::HopKind::blackhole});
  bench.link().send(abi::NeighbourRemove{.neighbour = kOld});
  bench.link().send(abi::TablesCommit{});
  tell(6, "10.1.0.6", kNewMac, true);
  expect_lost();
}

TEST_F(NeighbourGone, WhileItsPacketIsOnTheWayBackToAWorker) {
  bench.run();
  tell(kOld, "10.1.0.5", {2, 0, 0, 0, 0, 0x55}, true);
  bench.settle();
  replace();
  expect_lost();
}

// Workers may hold what the numbers meant: nothing of it is given to another before they have all
// been quiescent, though no prefix has changed.
TEST_F(NeighbourGone, NotBeforeWorkersHaveBeenQuiescent) {
  bench.run();
  auto& worker = *bench.manager().workers()[0];
  worker.online();
  bench.command(abi::NextHopSet{.next_hop = 30, .kind = abi::HopKind::blackhole});
  const std::uint64_t serial = bench.command(abi::TablesCommit{});
  const auto applied = [&] {
    bench.settle();
    const auto events = bench.events<abi::Applied>();
    return !events.empty() && events.back().serial >= serial;
  };
  EXPECT_FALSE(applied());
  worker.offline();
  EXPECT_TRUE(applied());
}

}  // namespace
}  // namespace gotthard::packet_test
