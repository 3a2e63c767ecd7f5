// Examples of what the FIB builder does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/config/route_protocol.h"
#include "control/route/number_pool.h"
#include "tests/unit/route_fixture.h"

namespace gotthard::route::test {
namespace {

using abi::HopKind;
using FibBuilderTest = FibBuilderFixture;

TEST_F(FibBuilderTest, NothingIsSentBeforeAttachment) {
  fib_.configure(config_, now_);
  fib_.apply(Link{kWan, "wan", true, 1500});
  route("192.0.2.0/24", kWan);
  flush();
  EXPECT_EQ(sent_, 0U);
  fib_.attach(now_);
  EXPECT_EQ(kind("192.0.2.7"), HopKind::glean);
}

TEST_F(FibBuilderTest, AFlushWithoutChangesSendsNothing) {
  start();
  const auto before = sent_;
  flush();
  fib_.apply(Link{kWan, "wan", true, 1500});
  address(kWan, "192.0.2.1/24");
  flush();
  EXPECT_EQ(sent_, before);
}

TEST_F(FibBuilderTest, OnLinkAddressesAreGleanedUntilTheirNeighbourIsKnown) {
  start();
  EXPECT_EQ(kind("10.1.0.7"), HopKind::glean);
  EXPECT_EQ(kind("10.1.0.1"), HopKind::local);
  neighbour(kLan, "10.1.0.7", Reachability::reachable);
  flush();
  EXPECT_EQ(kind("10.1.0.7"), HopKind::neighbour);
  EXPECT_EQ(kind("10.1.0.8"), HopKind::glean);
  ASSERT_NE(sent_neighbour("10.1.0.7"), nullptr);
  EXPECT_EQ(sent_neighbour("10.1.0.7")->mac, kMac);

  // Known at a port where it is not on-link: of no use.
  neighbour(kWan, "10.1.0.8", Reachability::reachable);
  neighbour(kLan, "10.1.0.7", Reachability::failed);
  flush();
  EXPECT_EQ(kind("10.1.0.7"), HopKind::glean);
  EXPECT_EQ(kind("10.1.0.8"), HopKind::glean);
  apply_all();
  flush();
  EXPECT_EQ(sent_neighbour("10.1.0.7"), nullptr);
}

TEST_F(FibBuilderTest, AGatewayIsAskedForAndThenUsed) {
  start();
  route("0.0.0.0/0", kWan, "192.0.2.254");
  flush();
  EXPECT_EQ(kind("203.0.113.1"), HopKind::neighbour);
  ASSERT_NE(sent_neighbour("192.0.2.254"), nullptr);
  EXPECT_EQ(sent_neighbour("192.0.2.254")->reachable, 0);
  EXPECT_THAT(asked_, testing::ElementsAre(testing::Pair(0, ip("192.0.2.254"))));
  const auto number = sent_neighbour("192.0.2.254")->neighbour;
  const auto before = sent_;
  neighbour(kWan, "192.0.2.254", Reachability::reachable);
  flush();
  EXPECT_EQ(sent_neighbour("192.0.2.254")->reachable, 1);
  EXPECT_EQ(sent_neighbour("192.0.2.254")->neighbour, number);
  // The neighbour, its host entry (by the next hop that the route has), and the commit.
  EXPECT_EQ(sent_, before + 3);
  neighbour(kWan, "192.0.2.254", Reachability::failed);
  flush();
  EXPECT_EQ(sent_neighbour("192.0.2.254")->reachable, 0);
  EXPECT_EQ(kind("203.0.113.1"), HopKind::neighbour);
}

TEST_F(FibBuilderTest, RoutesOfTheHostsOwnLinksNeverForward) {
  start();
  route("198.51.100.0/24", kEth0);
  route("0.0.0.0/0", kEth0, "198.51.100.1");
  flush();
  EXPECT_EQ(kind("198.51.100.7"), HopKind::blackhole);
  EXPECT_EQ(kind("203.0.113.1"), HopKind::blackhole);
  // The host's default route does not hide ours, whatever its metric.
  route("0.0.0.0/0", kWan, "192.0.2.254", 500);
  flush();
  EXPECT_EQ(kind("203.0.113.1"), HopKind::neighbour);
  EXPECT_EQ(kind("198.51.100.7"), HopKind::blackhole);
}

TEST_F(FibBuilderTest, ConfiguredRoutesComeFirst) {
  config::Route fixed;
  fixed.destination = net("0.0.0.0/0");
  fixed.via = ip("192.0.2.254");
  config_.routes = {fixed};
  start();
  route("0.0.0.0/0", kLan, "10.1.0.254");
  flush();
  EXPECT_EQ(plane_.lookup(ip("203.0.113.1")).neighbour, ip("192.0.2.254"));
  // Without the way to its gateway it is a blackhole: no other route takes over.
  fib_.apply(RouteGone{make_route("192.0.2.0/24", kWan)});
  flush();
  EXPECT_EQ(kind("203.0.113.1"), HopKind::blackhole);
}

TEST_F(FibBuilderTest, AllowedIpsAreFoldedIntoRoutes) {
  start();
  route("10.2.0.0/16", kWg0);
  const std::vector<Prefix> a{net("10.2.0.0/16"), net("172.31.0.2/32")};
  const std::vector<Prefix> b{net("10.2.7.0/24"), net("10.9.0.0/16")};
  fib_.set_allowed_ips(0, 1, a);
  fib_.set_allowed_ips(0, 2, b);
  flush();
  EXPECT_EQ(plane_.lookup(ip("10.2.0.1")).peer, 1U);
  EXPECT_EQ(plane_.lookup(ip("10.2.7.1")).peer, 2U);
  EXPECT_EQ(plane_.lookup(ip("172.31.0.2")).peer, 1U);
  EXPECT_EQ(plane_.lookup(ip("172.31.0.3")).peer, abi::kNoPeer);
  EXPECT_EQ(kind("10.9.0.1"), HopKind{});  // allowed, but no route leads there
  EXPECT_EQ(plane_.owners(ip("10.9.0.1")), (OwnerMap{{0, 2}}));
  EXPECT_EQ(plane_.lookup(ip("10.2.7.1")).mtu, 1420);

  // The last claim wins; a peer's list replaces what it had.
  fib_.set_allowed_ips(0, 2, a);
  flush();
  EXPECT_EQ(plane_.lookup(ip("10.2.7.1")).peer, 2U);
  EXPECT_EQ(plane_.owners(ip("10.9.0.1")), OwnerMap{});
  EXPECT_THAT(fib_.allowed_ips(1), testing::IsEmpty());
  fib_.remove_peer(2);
  flush();
  EXPECT_EQ(plane_.lookup(ip("10.2.0.1")).peer, abi::kNoPeer);
  EXPECT_EQ(fib_.counters().sources, 0U);
}

TEST_F(FibBuilderTest, TheSupervisorsBlackholeGuardsATunnelPrefix) {
  start();
  fib_.set_allowed_ips(0, 1, std::vector<Prefix>{net("10.2.0.0/16")});
  KernelRoute guard = make_route("10.2.0.0/16", 0, {}, 0xffffffff);
  guard.type = RouteType::blackhole;
  guard.protocol = kRouteProtocol;
  fib_.apply(RouteAdded{guard});
  route("0.0.0.0/0", kWan, "192.0.2.254");
  flush();
  EXPECT_EQ(kind("10.2.0.1"), HopKind::blackhole);
  route("10.0.0.0/8", kWg0);
  flush();
  EXPECT_EQ(kind("10.2.0.1"), HopKind::tunnel);
  EXPECT_EQ(plane_.lookup(ip("10.2.0.1")).peer, 1U);
  // `ip link set wg0 down` takes the route away.
  fib_.apply(RouteGone{make_route("10.0.0.0/8", kWg0)});
  flush();
  EXPECT_EQ(kind("10.2.0.1"), HopKind::blackhole);
}

TEST_F(FibBuilderTest, ARouteOfOursFollowsItsAllowedIpToAnotherInterface) {
  constexpr int kWg1 = 90;
  config_.wireguard.push_back(config_.wireguard[0]);
  config_.wireguard[1].name = "wg1";
  start();
  fib_.apply(Link{kWg1, "wg1", true, 1420});
  const std::vector<Prefix> moving = {net("10.2.0.0/16")};
  fib_.set_allowed_ips(0, 1, moving);
  KernelRoute ours = make_route("10.2.0.0/16", kWg0);
  ours.protocol = kRouteProtocol;
  fib_.apply(RouteAdded{ours});
  flush();
  const auto leads_to = [&](std::uint16_t interface, std::uint32_t peer) {
    const auto hop = plane_.lookup(ip("10.2.7.1"));
    return hop.interface == interface && hop.peer == peer;
  };
  EXPECT_TRUE(leads_to(0, 1));
  fib_.set_allowed_ips(0, 1, {});
  fib_.set_allowed_ips(1, 7, moving);
  flush();
  EXPECT_TRUE(leads_to(1, 7)) << "before the kernel's route has moved";
  KernelRoute moved = make_route("10.2.0.0/16", kWg1);
  moved.protocol = kRouteProtocol;
  fib_.apply(RouteAdded{moved});
  fib_.apply(RouteGone{ours});
  flush();
  EXPECT_TRUE(leads_to(1, 7));
  // An operator's own route leads where it says.
  fib_.apply(RouteGone{moved});
  route("10.2.0.0/16", kWg0);
  flush();
  EXPECT_TRUE(leads_to(0, abi::kNoPeer));
}

TEST_F(FibBuilderTest, PlainPrefixesAreMarked) {
  config_.ports[0].allow_plain = {net("203.0.113.0/24"), net("192.0.2.8/32")};
  start();
  route("0.0.0.0/0", kWan, "192.0.2.254");
  neighbour(kWan, "192.0.2.8", Reachability::reachable);
  flush();
  EXPECT_TRUE(plane_.lookup(ip("203.0.113.1")).allow_plain);
  EXPECT_TRUE(plane_.lookup(ip("192.0.2.8")).allow_plain);
  EXPECT_FALSE(plane_.lookup(ip("203.0.114.1")).allow_plain);
  EXPECT_FALSE(plane_.lookup(ip("192.0.2.9")).allow_plain);
}

TEST_F(FibBuilderTest, ADeviceMadeAnewIsFollowed) {
  start();
  fib_.apply(LinkGone{kLan});
  flush();
  EXPECT_EQ(kind("10.1.0.7"), HopKind::blackhole);
  EXPECT_EQ(kind("10.1.0.1"), HopKind::blackhole);
  fib_.apply(Link{40, "lan", true, 1400});
  address(40, "10.1.0.1/24");
  fib_.apply(RouteGone{make_route("10.1.0.0/24", kLan)});
  route("10.1.0.0/24", 40);
  flush();
  EXPECT_EQ(kind("10.1.0.7"), HopKind::glean);
  EXPECT_EQ(plane_.lookup(ip("10.1.0.7")).mtu, 1400);
  EXPECT_EQ(kind("10.1.0.1"), HopKind::local);
}

TEST_F(FibBuilderTest, ConfiguredAddressesStandInUntilTheKernelsAreKnown) {
  config_.ports[1].addresses = {net("10.5.0.1/24")};
  fib_.configure(config_, now_);
  fib_.attach(now_);
  EXPECT_EQ(kind("10.5.0.1"), HopKind::local);
  fib_.apply(Synchronised{});
  flush();
  EXPECT_EQ(kind("10.5.0.1"), HopKind{});
  EXPECT_THAT(plane_.local(), testing::IsEmpty());
}

TEST_F(FibBuilderTest, TunnelUpFollowsTheLink) {
  start();
  EXPECT_TRUE(fib_.tunnel_up(0));
  fib_.apply(Link{kWg0, "wg0", false, 1420});
  EXPECT_FALSE(fib_.tunnel_up(0));
  EXPECT_FALSE(fib_.tunnel_up(7));
}

TEST_F(FibBuilderTest, LinkLocalAndMulticastRoutesAreLeftOut) {
  start();
  const auto before = fib_.counters().prefixes;
  route("fe80::/64", kWan);
  route("fe80::/64", kLan);
  route("ff00::/8", kLan);
  neighbour(kWan, "fe80::9", Reachability::reachable);
  flush();
  EXPECT_EQ(fib_.counters().prefixes, before);
  // But a link-local gateway is as good as any.
  route("::/0", kWan, "fe80::9");
  flush();
  EXPECT_EQ(plane_.lookup(ip("2001:db8:f::1")).neighbour, ip("fe80::9"));
  EXPECT_EQ(sent_neighbour("fe80::9")->reachable, 1);
}

TEST_F(FibBuilderTest, RunningOutOfNumbersNeverSendsElsewhere) {
  start();
  route("10.2.0.0/15", kWg0);
  // More peers than next hops can name.
  config_.wireguard.resize(4, config_.wireguard[0]);
  for (std::size_t i = 0; i < 4; ++i) {
    config_.wireguard[i].name = "wg" + std::to_string(i);
    fib_.apply(Link{kWg0 + static_cast<int>(i), "wg" + std::to_string(i), true, 1420});
  }
  fib_.configure(config_, now_);
  for (std::uint32_t i = 0; i < 4; ++i) {
    route("10." + std::to_string(10 + i) + ".0.0/16", kWg0 + static_cast<int>(i));
    for (std::uint32_t peer = 0; peer < 12000; ++peer) {
      Prefix prefix = net("10." + std::to_string(10 + i) + ".0.0/32");
      prefix.address.bytes[2] = static_cast<std::uint8_t>(peer >> 8);
      prefix.address.bytes[3] = static_cast<std::uint8_t>(peer);
      fib_.add_allowed_ip(static_cast<std::uint16_t>(i), peer, prefix);
    }
  }
  flush();
  EXPECT_GT(fib_.counters().exhausted, 0U);
  const Verdict last = plane_.lookup(ip("10.13.46.200"));
  EXPECT_TRUE(last.kind == static_cast<int>(HopKind::blackhole) || last.peer == 46U * 256 + 200);
}

TEST(NumberPool, GivesANumberAgainOnlyAfterItsCommitWasCarriedOut) {
  NumberPool pool(10, 14);
  pool.restart();
  for (std::uint32_t number = 10; number < 14; ++number) {
    EXPECT_EQ(pool.take(), number);
  }
  EXPECT_EQ(pool.take(), std::nullopt);
  pool.give_back(12);
  EXPECT_EQ(pool.take(), std::nullopt);
  pool.committed(7);
  pool.give_back(11);
  pool.applied(6);
  EXPECT_EQ(pool.take(), std::nullopt);
  pool.applied(7);
  EXPECT_EQ(pool.take(), 12U);
  EXPECT_EQ(pool.take(), std::nullopt);
  pool.committed(9);
  pool.applied(9);
  EXPECT_EQ(pool.take(), 11U);
}

}  // namespace
}  // namespace gotthard::route::test
