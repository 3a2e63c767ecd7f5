// Routes of several ways, for some packets only, and those that lead nowhere.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/route/route_words.h"
#include "tests/unit/route_fixture.h"

namespace gotthard::route::test {
namespace {

using abi::HopKind;

class WaysTest : public FibBuilderFixture {
 protected:
  void add(KernelRoute route) { fib_.apply(RouteAdded{std::move(route)}); }
  static KernelRoute shared_route(const std::string& prefix, std::vector<RouteHop> hops) {
    KernelRoute route;
    route.destination = net(prefix);
    route.hops = std::move(hops);
    return route;
  }
  static KernelRoute ending(const std::string& prefix, RouteType type) {
    KernelRoute route;
    route.destination = net(prefix);
    route.type = type;
    return route;
  }
  std::vector<Address> gateways(const std::string& address) {
    std::vector<Address> result;
    for (const Verdict& way : plane_.lookup(ip(address)).ways) {
      result.push_back(way.neighbour);
    }
    return result;
  }
};

TEST_F(WaysTest, ARouteOfSeveralGatewaysIsAGroupWithTheirWeights) {
  start();
  add(shared_route("10.8.0.0/16", {{kLan, ip("10.1.0.8"), 1}, {kLan, ip("10.1.0.9"), 3}}));
  flush();
  const Verdict verdict = plane_.lookup(ip("10.8.1.1"));
  ASSERT_EQ(verdict.ways.size(), 2U);
  EXPECT_EQ(verdict.ways[0].neighbour, ip("10.1.0.8"));
  EXPECT_EQ(verdict.ways[0].weight, 1U);
  EXPECT_EQ(verdict.ways[1].neighbour, ip("10.1.0.9"));
  EXPECT_EQ(verdict.ways[1].weight, 3U);
  // Ways by the host's own links are left out; one way alone is no group.
  add(shared_route("10.9.0.0/16", {{kEth0, ip("198.51.100.1"), 1}, {kLan, ip("10.1.0.8"), 1}}));
  flush();
  EXPECT_EQ(plane_.lookup(ip("10.9.0.1")).neighbour, ip("10.1.0.8"));
}

TEST_F(WaysTest, AnOnLinkWayIsTheNeighbourWhereItIsKnown) {
  start();
  add(shared_route("10.8.0.0/16", {{kLan, {}, 1}, {kWan, ip("192.0.2.9"), 1}}));
  neighbour(kLan, "10.8.0.7", Reachability::reachable);
  flush();
  EXPECT_THAT(gateways("10.8.0.6"), testing::ElementsAre(Address{}, ip("192.0.2.9")));
  EXPECT_EQ(plane_.lookup(ip("10.8.0.6")).ways[0].kind, static_cast<int>(HopKind::glean));
  EXPECT_THAT(gateways("10.8.0.7"), testing::UnorderedElementsAre(ip("10.8.0.7"), ip("192.0.2.9")));
  fib_.on_need_neighbour(1, ip("10.8.0.6"), now_);
  EXPECT_THAT(asked_, testing::Contains(testing::Pair(1, ip("10.8.0.6"))));
}

TEST_F(WaysTest, TrafficIsSharedBetweenTunnelsEachWithItsOwnPeers) {
  config_.wireguard.push_back(config_.wireguard[0]);
  config_.wireguard[1].name = "wg1";
  start();
  fib_.apply(Link{6, "wg1", true, 1400});
  add(shared_route("10.2.0.0/15", {{kWg0, {}, 1}, {6, {}, 1}}));
  fib_.set_allowed_ips(0, 1, std::vector<Prefix>{net("10.2.0.0/16")});
  fib_.set_allowed_ips(1, 2, std::vector<Prefix>{net("10.2.0.0/15")});
  fib_.set_allowed_ips(1, 3, std::vector<Prefix>{net("10.2.7.0/24")});
  flush();
  const auto peers = [&](const std::string& address) {
    std::map<std::uint16_t, std::uint32_t> result;
    for (const Verdict& way : plane_.lookup(ip(address)).ways) {
      result[way.interface] = way.peer;
    }
    return result;
  };
  EXPECT_EQ(peers("10.2.0.1"), (OwnerMap{{0, 1}, {1, 2}}));
  EXPECT_EQ(peers("10.2.7.1"), (OwnerMap{{0, 1}, {1, 3}}));
  EXPECT_EQ(peers("10.3.0.1"), (OwnerMap{{0, abi::kNoPeer}, {1, 2}}));
}

TEST_F(WaysTest, WhatIsLostIsLeftOutAtOnceAndWithoutACommit) {
  start();
  add(shared_route("10.8.0.0/16", {{kLan, ip("10.1.0.8"), 1}, {kWan, ip("192.0.2.9"), 1}}));
  flush();
  ASSERT_EQ(plane_.alive(ip("10.8.0.1")), 3U);
  const auto alive = [&] {
    const auto before = sent_;
    flush();
    EXPECT_EQ(sent_, before + 1);
    return plane_.alive(ip("10.8.0.1"));
  };
  // The group's members are in the order of their ports.
  fib_.set_port_link(0, false);
  EXPECT_EQ(alive(), 2U);
  fib_.set_port_link(0, true);
  EXPECT_EQ(alive(), 3U);
  fib_.apply(Link{kLan, "lan", false, 1500});
  EXPECT_EQ(alive(), 1U);
  fib_.apply(Link{kLan, "lan", true, 1500, false});
  flush();
  EXPECT_EQ(plane_.alive(ip("10.8.0.1")), 1U) << "no carrier";
  fib_.apply(Link{kLan, "lan", true, 1500});
  EXPECT_EQ(alive(), 3U);
  // A configuration that is read again knows nothing new of links.
  fib_.set_port_link(0, false);
  flush();
  fib_.configure(config_, now_);
  flush();
  EXPECT_EQ(plane_.alive(ip("10.8.0.1")), 2U);
}

TEST_F(WaysTest, EachEndpointHasOneOfTheWaysAndLeavesALostOne) {
  config_.ports.push_back(config_.ports[0]);
  config_.ports[2].name = "wan2";
  start();
  fib_.apply(Link{7, "wan2", true, 1500});
  address(7, "192.0.3.1/24");
  route("192.0.3.0/24", 7);
  add(shared_route("0.0.0.0/0", {{kWan, ip("192.0.2.9"), 1}, {7, ip("192.0.3.9"), 1}}));
  flush();
  std::map<std::uint16_t, std::set<std::uint32_t>> at_port;
  for (std::uint32_t peer = 0; peer < 100; ++peer) {
    Address remote = ip("203.0.113.0");
    remote.bytes[3] = static_cast<std::uint8_t>(peer);
    fib_.set_endpoint(0, peer, remote);
    ASSERT_TRUE(fib_.endpoint(peer));
    at_port[fib_.endpoint(peer)->port].insert(peer);
  }
  EXPECT_GT(at_port[0].size(), 30U);
  EXPECT_GT(at_port[2].size(), 30U);
  fib_.set_port_link(2, false);
  flush();
  const auto moved = fib_.take_changed_endpoints();
  EXPECT_EQ((std::set<std::uint32_t>(moved.begin(), moved.end())), at_port[2]);
  for (std::uint32_t peer = 0; peer < 100; ++peer) {
    EXPECT_EQ(fib_.endpoint(peer)->port, 0);
    EXPECT_EQ(fib_.endpoint(peer)->local, ip("192.0.2.1"));
  }
}

TEST_F(WaysTest, ARouteForAClassTakesThatClassAlone) {
  start();
  route("10.8.0.0/15", kLan, "10.1.0.8");
  KernelRoute special = make_route("10.8.0.0/16", kLan, "10.1.0.9");
  special.tos = 0x10;
  add(special);
  flush();
  const auto to = [&](const std::string& address, std::uint8_t tos) {
    return plane_.lookup({.to = ip(address), .dscp = static_cast<std::uint8_t>(tos >> 2)})
        .neighbour;
  };
  EXPECT_EQ(to("10.8.0.1", 0x10), ip("10.1.0.9"));
  EXPECT_EQ(to("10.8.0.1", 0), ip("10.1.0.8"));
  EXPECT_EQ(to("10.8.0.1", 0x20), ip("10.1.0.8"));
  EXPECT_EQ(to("10.9.0.1", 0x10), ip("10.1.0.8"));
  // A longer route for all takes all; a longer one for another class leaves this one's.
  route("10.8.1.0/24", kLan, "10.1.0.7");
  special.destination = net("10.8.2.0/24");
  special.tos = 0x20;
  special.hops[0].gateway = ip("10.1.0.6");
  add(special);
  flush();
  EXPECT_EQ(to("10.8.1.1", 0x10), ip("10.1.0.7"));
  EXPECT_EQ(to("10.8.2.1", 0x10), ip("10.1.0.9"));
  EXPECT_EQ(to("10.8.2.1", 0x20), ip("10.1.0.6"));
  EXPECT_EQ(to("10.8.2.1", 0), ip("10.1.0.8"));
  fib_.apply(RouteGone{special});
  flush();
  EXPECT_EQ(to("10.8.2.1", 0x20), ip("10.1.0.8"));
}

TEST_F(WaysTest, ARouteForSourcesIsForTheLongestThatFits) {
  start();
  route("::/0", kWan, "2001:db8::9");
  const auto from = [&](const std::string& prefix, const std::string& gateway) {
    KernelRoute route = make_route("::/0", kWan, gateway);
    route.from = net(prefix);
    add(route);
  };
  from("2001:db8:a::/48", "2001:db8::a");
  from("2001:db8:a:1::/64", "2001:db8::b");
  flush();
  const auto to = [&](const std::string& source) {
    return plane_.lookup({.to = ip("2001:db8:f::1"), .dscp = 0, .from = ip(source)}).neighbour;
  };
  EXPECT_EQ(to("2001:db8:a::1"), ip("2001:db8::a"));
  EXPECT_EQ(to("2001:db8:a:1::1"), ip("2001:db8::b"));
  EXPECT_EQ(to("2001:db8:b::1"), ip("2001:db8::9"));
  EXPECT_TRUE(fib_.routes_not_followed().empty());
}

TEST_F(WaysTest, MoreExceptionsThanAWorkerGoesThroughAreDropped) {
  start();
  for (unsigned i = 0; i < 33; ++i) {
    KernelRoute route = make_route("2001:db8:8::/48", kWan, "2001:db8::9");
    route.from = net("2001:db8:a::/64");
    route.from.address.bytes[7] = static_cast<std::uint8_t>(i);
    add(route);
    if (i == 31) {
      flush();
      EXPECT_EQ(plane_.lookup({.to = ip("2001:db8:8::1"), .dscp = 0, .from = ip("2001:db8:a:1f::")})
                    .neighbour,
                ip("2001:db8::9"));
    }
  }
  flush();
  EXPECT_EQ(kind("2001:db8:8::1"), HopKind::not_followed);
}

TEST_F(WaysTest, RoutesThatLeadNowhereSayHow) {
  start();
  route("10.0.0.0/8", kLan, "10.1.0.8");
  add(ending("10.10.0.0/16", RouteType::unreachable));
  add(ending("10.11.0.0/16", RouteType::prohibit));
  add(ending("10.12.0.0/16", RouteType::blackhole));
  add(ending("10.13.0.0/16", RouteType::none));
  flush();
  EXPECT_EQ(kind("10.10.0.1"), HopKind::unreachable);
  EXPECT_EQ(kind("10.11.0.1"), HopKind::prohibit);
  EXPECT_EQ(kind("10.12.0.1"), HopKind::blackhole);
  EXPECT_EQ(kind("10.13.0.1"), HopKind::no_route);
}

// What is not followed keeps its packets: no shorter route takes them.
TEST_F(WaysTest, RoutesThatAreNotFollowedAreDroppedAndNamed) {
  start();
  route("10.0.0.0/8", kLan, "10.1.0.8");
  KernelRoute route = ending("10.14.0.0/16", RouteType::not_followed);
  route.obstacle = Obstacle::encapsulation;
  route.metric = 7;
  add(route);
  flush();
  EXPECT_EQ(kind("10.14.0.1"), HopKind::not_followed);
  ASSERT_EQ(fib_.routes_not_followed().size(), 1U);
  EXPECT_EQ(to_string(*fib_.routes_not_followed().begin()), "10.14.0.0/16 metric 7");
  EXPECT_NE(reason(Obstacle::encapsulation).find("encap"), std::string_view::npos);
  KernelRoute followed = make_route("10.14.0.0/16", kLan, "10.1.0.9", 7);
  fib_.apply(RouteReplaced{route, followed});
  flush();
  EXPECT_EQ(kind("10.14.0.1"), HopKind::neighbour);
  EXPECT_TRUE(fib_.routes_not_followed().empty());
}

// More groups than the data plane has: the rest go one way each.
TEST_F(WaysTest, WithoutAGroupLeftAWayIsTaken) {
  start();
  for (unsigned i = 0; i < abi::kMaxHopGroups + 100; ++i) {
    Prefix prefix = net("10.16.0.0/32");
    prefix.address.bytes[2] = static_cast<std::uint8_t>(i >> 8);
    prefix.address.bytes[3] = static_cast<std::uint8_t>(i);
    KernelRoute route =
        shared_route("10.16.0.0/32", {{kLan, ip("10.1.0.8"), 1}, {kLan, ip("10.1.0.9"), 1}});
    route.destination = prefix;
    route.hops[0].weight = static_cast<std::uint16_t>(i + 1);
    add(route);
  }
  flush();
  EXPECT_EQ(fib_.counters().exhausted, 100U);
  EXPECT_EQ(plane_.lookup(ip("10.16.16.60")).neighbour, ip("10.1.0.8"));
  EXPECT_EQ(plane_.lookup(ip("10.16.0.60")).ways.size(), 2U);
}

}  // namespace
}  // namespace gotthard::route::test
