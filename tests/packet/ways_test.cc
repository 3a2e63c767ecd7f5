// Next hops that share traffic, that are for some packets only, and that refuse it.
#include <gtest/gtest.h>

#include <map>

#include "tests/packet/messages.h"

namespace gotthard::packet_test {
namespace {

constexpr std::uint32_t kOther = 20;  // next hops
constexpr std::uint32_t kSeveral = 21;
constexpr Mac kOtherMac = {2, 0, 0, 0, 0, 0x11};

class Ways : public testing::Test {
 protected:
  Ways() {
    bench.command(abi::NeighbourSet{.neighbour = 10,
                                    .port = kLan,
                                    .mac = kOtherMac,
                                    .reachable = 1,
                                    .address = address("10.1.0.7")});
    bench.command(abi::NextHopSet{
        .next_hop = kOther, .kind = abi::HopKind::neighbour, .port = kLan, .neighbour = 10});
  }
  void group(const std::vector<std::uint32_t>& hops, std::uint32_t alive = ~0U) {
    abi::HopGroupSet set{.group = 5, .count = static_cast<std::uint32_t>(hops.size())};
    set.alive = alive;
    for (std::size_t i = 0; i < hops.size(); ++i) {
      set.next_hops[i] = hops[i];
      set.weights[i] = 1;
    }
    bench.command(set);
  }
  void route_to_group(const std::string& prefix, std::uint8_t length) {
    bench.command(abi::NextHopSet{.next_hop = kSeveral, .kind = abi::HopKind::group, .set = 5});
    bench.route(prefix, length, kSeveral);
    bench.commit();
  }
  // By the last byte of the station that got it: which flows.
  std::map<std::uint8_t, std::set<int>> lan_flows(int count) {
    for (int flow = 0; flow < count; ++flow) {
      bench.receive_ip(kLan, udp("10.1.0.2", static_cast<std::uint16_t>(1000 + flow), "10.20.0.1",
                                 2000, Bytes(20)));
    }
    bench.run();
    std::map<std::uint8_t, std::set<int>> result;
    for (const Bytes& frame : bench.sent(kLan)) {
      result[frame[5]].insert(get16(frame, 34) - 1000);
    }
    return result;
  }
  Bench bench;
};

TEST_F(Ways, FlowsAreSharedAndKeepTheirWay) {
  group({kToLan, kOther});
  route_to_group("10.20.0.0", 16);
  const auto flows = lan_flows(400);
  ASSERT_EQ(flows.size(), 2U);
  for (const auto& [station, of_it] : flows) {
    EXPECT_GT(of_it.size(), 140U);
  }
  EXPECT_EQ(lan_flows(400), flows);
}

TEST_F(Ways, ALostWaysFlowsMoveAloneAndComeBack) {
  bench.command(abi::NextHopSet{
      .next_hop = kOther + 5, .kind = abi::HopKind::neighbour, .mtu = 1400, .neighbour = 10});
  group({kToLan, kOther});
  route_to_group("10.20.0.0", 16);
  const auto before = lan_flows(200);
  group({kToLan, kOther}, 1);
  bench.settle();
  EXPECT_EQ(lan_flows(200).at(kLanMac[5]).size(), 200U);
  group({kToLan, kOther}, 3);
  bench.settle();
  EXPECT_EQ(lan_flows(200), before);
}

TEST_F(Ways, TrafficIsSharedBetweenPeers) {
  const std::array<Keys, 2> keys{bench.install(0, kSession0), bench.install(1, kSession1)};
  group({kToPeer0, kToPeer1});
  route_to_group("10.21.0.0", 16);
  for (int flow = 0; flow < 200; ++flow) {
    bench.receive_ip(kLan, udp("10.1.0.2", static_cast<std::uint16_t>(1000 + flow), "10.21.0.1",
                               2000, Bytes(20)));
  }
  bench.run();
  std::array<int, 2> opened{};
  for (const Bytes& frame : bench.sent(kWan)) {
    const std::size_t peer = get16(frame, 12) == 0x86dd ? 1 : 0;
    const auto text = open(keys[peer].send, message_in(frame, peer == 1));
    opened[peer] += text && get16(text->text, 16) == 0x0a15 ? 1 : 0;
  }
  EXPECT_GT(opened[0], 60);
  EXPECT_GT(opened[1], 60);
  EXPECT_EQ(opened[0] + opened[1], 200);
}

// As control does after it was started anew: other numbers, the same meaning.
TEST_F(Ways, AnotherControlsGroupDealsOutFlowsTheSame) {
  group({kToLan, kOther});
  route_to_group("10.20.0.0", 16);
  const auto before = lan_flows(200);
  bench.command(abi::ResyncBegin{});
  bench.send_state();
  bench.command(abi::NeighbourSet{.neighbour = 99,
                                  .port = kLan,
                                  .mac = kOtherMac,
                                  .reachable = 1,
                                  .address = address("10.1.0.7")});
  bench.command(abi::NextHopSet{
      .next_hop = 77, .kind = abi::HopKind::neighbour, .port = kLan, .neighbour = 99});
  abi::HopGroupSet set{.group = 0, .count = 2, .alive = 3};
  set.next_hops = {77, kToLan};
  set.weights = {1, 1};
  bench.command(set);
  bench.command(abi::NextHopSet{.next_hop = 78, .kind = abi::HopKind::group, .set = 0});
  bench.route("10.20.0.0", 16, 78);
  bench.command(abi::ResyncEnd{});
  bench.settle();
  EXPECT_EQ(lan_flows(200), before);
}

TEST_F(Ways, AnOnLinkWayWaitsForItsNeighbour) {
  group({kGlean, kGlean});
  route_to_group("10.22.0.0", 16);
  bench.receive_ip(kLan, udp("10.1.0.2", 1, "10.22.0.1", 2, Bytes(20)));
  bench.run();
  ASSERT_EQ(bench.events<abi::NeedNeighbour>().size(), 1U);
  bench.route("10.22.0.1", 32, kOther);
  bench.commit();
  bench.run();
  EXPECT_EQ(bench.sent(kLan).size(), 1U);
}

TEST_F(Ways, PlainTrafficMayComeFromWhereAllWaysAllowIt) {
  group({kPlainToUnderlay, kToUnderlay});
  route_to_group("203.0.113.0", 24);
  bench.receive_ip(kWan, udp("203.0.113.1", 1, "10.1.0.2", 2, Bytes(20)));
  bench.run();
  EXPECT_EQ(bench.drops(Drop::inside_from_underlay), 1U);
  group({kPlainToUnderlay, kPlainToUnderlay});
  route_to_group("203.0.113.0", 24);
  bench.receive_ip(kWan, udp("203.0.113.1", 1, "10.1.0.2", 2, Bytes(20)));
  bench.run();
  EXPECT_EQ(bench.sent(kLan).size(), 1U);
}

TEST_F(Ways, AClassMayHaveAWayOfItsOwn) {
  abi::HopChoiceSet set{.choice = 3, .otherwise = kToLan, .field = abi::HopField::dscp};
  set.count = 2;
  set.choices[0] = {.next_hop = kOther, .dscp = 0x2e};
  set.choices[1] = {.next_hop = kBlackhole, .dscp = 0x2e};
  bench.command(set);
  bench.command(abi::NextHopSet{.next_hop = kSeveral, .kind = abi::HopKind::choice, .set = 3});
  bench.route("10.20.0.0", 16, kSeveral);
  bench.route("fd20::", 16, kSeveral);
  bench.commit();
  for (const std::uint8_t traffic_class : {0x00, 0xb8, 0xb9, 0xbc}) {
    const Mac& expected = (traffic_class >> 2) == 0x2e ? kOtherMac : kLanMac;
    for (const Bytes& packet : {udp("10.1.0.2", 1, "10.20.0.1", 2, Bytes(20)),
                                udp("fd01::2", 1, "fd20::1", 2, Bytes(20))}) {
      bench.receive_ip(kLan, with_class(packet, traffic_class));
      bench.run();
      const auto sent = bench.sent(kLan);
      ASSERT_EQ(sent.size(), 1U);
      EXPECT_EQ(cut(sent[0], 0, 6), Bytes(expected.begin(), expected.end()));
    }
  }
}

TEST_F(Ways, ASourceMayHaveAWayOfItsOwnOrNone) {
  abi::HopChoiceSet set{.choice = 3, .otherwise = 0, .field = abi::HopField::source};
  set.count = 2;
  set.choices[0] = {.next_hop = kOther, .length = 63, .source = address("fd01:0:0:2::")};
  set.choices[1] = {.next_hop = kToLan, .length = 0, .source = address("::")};
  bench.command(set);
  bench.command(abi::NextHopSet{.next_hop = kSeveral, .kind = abi::HopKind::choice, .set = 3});
  bench.route("fd20::", 16, kSeveral);
  set.choice = 4;
  set.count = 1;
  bench.command(set);
  bench.command(abi::NextHopSet{.next_hop = kSeveral + 1, .kind = abi::HopKind::choice, .set = 4});
  bench.route("fd21::", 16, kSeveral + 1);
  bench.commit();
  const auto station = [&](const std::string& from, const std::string& to) {
    bench.receive_ip(kLan, udp(from, 1, to, 2, Bytes(20)));
    bench.run();
    const auto sent = bench.sent(kLan);
    return sent.empty() ? -1 : int{sent[0][5]};
  };
  EXPECT_EQ(station("fd01:0:0:3::1", "fd20::1"), kOtherMac[5]);
  EXPECT_EQ(station("fd01:0:0:4::1", "fd20::1"), kLanMac[5]);
  EXPECT_EQ(station("fd01:0:0:2::1", "fd21::1"), kOtherMac[5]);
  // Its sender is told so.
  EXPECT_EQ(bench.drops(Drop::no_route), 0U);
  station("fd01:0:0:4::1", "fd21::1");
  EXPECT_EQ(bench.drops(Drop::no_route), 1U);
}

TEST_F(Ways, WhatCannotBeIsRefused) {
  const auto refused = [&](const abi::CommandBody& command) {
    bench.forget_events();
    bench.command(command);
    bench.settle();
    return bench.events<abi::CommandRefused>().size() == 1;
  };
  group({kToLan, kOther});
  route_to_group("10.20.0.0", 16);
  abi::HopGroupSet set{.group = 6, .count = 2};
  set.weights = {1, 1};
  set.next_hops = {kToLan, 999};
  EXPECT_TRUE(refused(set)) << "a next hop that was never told";
  set.next_hops = {kToLan, kSeveral};
  EXPECT_TRUE(refused(set)) << "a group in a group";
  set.next_hops = {kToLan, 0};
  EXPECT_TRUE(refused(set));
  set.next_hops = {kToLan, kOther};
  set.weights = {1, 0};
  EXPECT_TRUE(refused(set));
  abi::HopChoiceSet choice{.choice = 1, .otherwise = 999, .field = abi::HopField::dscp};
  choice.count = 1;
  choice.choices[0] = {.next_hop = kToLan, .dscp = 1};
  EXPECT_TRUE(refused(choice));
  choice.otherwise = 0;
  choice.choices[0].dscp = 64;
  EXPECT_TRUE(refused(choice));
  choice.choices[0] = {.next_hop = 999, .dscp = 1};
  EXPECT_TRUE(refused(choice));
  EXPECT_TRUE(refused(abi::NextHopSet{.next_hop = 30, .kind = abi::HopKind::group, .set = 4000}));
  EXPECT_TRUE(refused(abi::NextHopSet{.next_hop = 30, .kind = abi::HopKind::choice, .set = 1000}));
}

}  // namespace
}  // namespace gotthard::packet_test
