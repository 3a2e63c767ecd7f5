// VLANs that the kernel has of the ports' twins.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>

#include "control/route/netlink_parser.h"
#include "tests/unit/route_fixture.h"
#include "tests/unit/route_messages.h"

namespace gotthard::route::test {
namespace {

using abi::HopKind;

constexpr int kVlanLink = 7;
constexpr std::uint16_t kVlan = abi::link_of(0, 100);  // of wan

Link vlan_link(bool up = true, std::uint32_t mtu = 1500) {
  return {kVlanLink, "wan.100", up, mtu, true, kWan, 100};
}

class VlanTest : public FibBuilderFixture {
 protected:
  void start_with_vlan() {
    start();
    fib_.apply(vlan_link());
    address(kVlanLink, "198.51.100.1/24");
    route("198.51.100.0/24", kVlanLink);
    flush();
  }
};

TEST_F(VlanTest, IsALinkOfItsOwn) {
  start_with_vlan();
  ASSERT_TRUE(plane_.vlans().contains(kVlan));
  EXPECT_EQ(plane_.vlans().at(kVlan).mtu, 1500);
  EXPECT_THAT(plane_.local(), testing::Contains(testing::Pair(kVlan, ip("198.51.100.1"))));
  EXPECT_EQ(kind("198.51.100.9"), HopKind::glean);
  EXPECT_EQ(plane_.lookup(ip("198.51.100.9")).port, kVlan);
  fib_.on_need_neighbour(kVlan, ip("198.51.100.9"), now_);
  EXPECT_THAT(asked_, testing::ElementsAre(testing::Pair(kVlan, ip("198.51.100.9"))));
  neighbour(kVlanLink, "198.51.100.9", Reachability::reachable);
  route("10.77.0.0/16", kVlanLink, "198.51.100.9");
  flush();
  for (const char* to : {"198.51.100.9", "10.77.1.1"}) {
    EXPECT_EQ(kind(to), HopKind::neighbour) << to;
    EXPECT_EQ(plane_.lookup(ip(to)).port, kVlan) << to;
  }
  ASSERT_NE(sent_neighbour("198.51.100.9"), nullptr);
  EXPECT_EQ(sent_neighbour("198.51.100.9")->port, kVlan);
  EXPECT_EQ(sent_neighbour("198.51.100.9")->reachable, 1);
  EXPECT_EQ(fib_.port_name(kVlan), "wan.100");
  EXPECT_EQ(fib_.port_name(0), "wan");
}

TEST_F(VlanTest, PeersMayBeThere) {
  start_with_vlan();
  fib_.set_endpoint(0, 0, ip("198.51.100.2"));
  const auto endpoint = fib_.endpoint(0);
  ASSERT_TRUE(endpoint.has_value());
  EXPECT_EQ(endpoint->port, kVlan);
  EXPECT_EQ(endpoint->local, ip("198.51.100.1"));
}

TEST_F(VlanTest, AStaticRouteMayNameIt) {
  config::Route route;
  route.destination = net("10.78.0.0/16");
  route.interface = "wan.100";
  config_.routes = {route};
  start();
  EXPECT_EQ(kind("10.78.0.1"), HopKind::blackhole);  // there is none yet
  fib_.apply(vlan_link());
  flush();
  EXPECT_EQ(kind("10.78.0.1"), HopKind::glean);
  EXPECT_EQ(plane_.lookup(ip("10.78.0.1")).port, kVlan);
}

TEST_F(VlanTest, MayLeavePlainWhatItsPortMay) {
  config_.ports[0].allow_plain = {net("198.51.100.0/25")};
  start_with_vlan();
  EXPECT_TRUE(plane_.lookup(ip("198.51.100.9")).allow_plain);
  EXPECT_FALSE(plane_.lookup(ip("198.51.100.200")).allow_plain);
}

TEST_F(VlanTest, ItsMtuAndStateAreFollowed) {
  start_with_vlan();
  fib_.apply(vlan_link(true, 1400));
  flush();
  EXPECT_EQ(plane_.vlans().at(kVlan).mtu, 1400);
  EXPECT_EQ(plane_.lookup(ip("198.51.100.9")).mtu, 1400);
  fib_.apply(vlan_link(false, 1400));
  flush();
  EXPECT_EQ(plane_.vlans().at(kVlan).up, 0);
  fib_.apply(LinkGone{kVlanLink});
  flush();
  EXPECT_TRUE(plane_.vlans().empty());
  EXPECT_EQ(kind("198.51.100.9"), HopKind::blackhole);
}

TEST_F(VlanTest, GoesAndComesWithItsPort) {
  start_with_vlan();
  fib_.apply(LinkGone{kWan});
  flush();
  EXPECT_TRUE(plane_.vlans().empty());
  // The order in which they are told does not matter.
  fib_.apply(Link{kVlanLink, "wan.100", true, 1500, true, 33, 100});
  fib_.apply(Link{33, "wan", true, 1500});
  flush();
  EXPECT_TRUE(plane_.vlans().contains(kVlan));
}

TEST_F(VlanTest, OfOtherLinksAreNotOurs) {
  start();
  fib_.apply(Link{kVlanLink, "eth0.100", true, 1500, true, kEth0, 100});
  fib_.apply(Link{8, "wg0.100", true, 1500, true, kWg0, 100});
  fib_.apply(vlan_link());
  fib_.apply(Link{9, "wan.100.5", true, 1500, true, kVlanLink, 5});  // of a VLAN
  flush();
  EXPECT_EQ(plane_.vlans().size(), 1U);
  route("10.80.0.0/16", 9);
  flush();
  EXPECT_EQ(kind("10.80.0.1"), HopKind::blackhole);
}

TEST_F(VlanTest, TooManyAreCounted) {
  start();
  for (int i = 0; i < 50; ++i) {
    fib_.apply(Link{100 + i, fmt::format("wan.{}", i + 1), true, 1500, true, kWan,
                    static_cast<std::uint16_t>(i + 1)});
  }
  flush();
  EXPECT_EQ(plane_.vlans().size(), abi::kMaxVlans);
  EXPECT_EQ(fib_.counters().vlans_left_out, 50 - abi::kMaxVlans);
}

// ---------------------------------------------------------------- as the kernel says it

Bytes vlan_message(std::uint16_t id, std::uint16_t protocol, const std::vector<Bytes>& more = {},
                   const std::string& kind = "vlan") {
  ifinfomsg body{};
  body.ifi_index = kVlanLink;
  body.ifi_flags = IFF_UP | IFF_LOWER_UP;
  const Bytes data = joined(
      {attribute(IFLA_VLAN_ID, raw(id)), attribute(IFLA_VLAN_PROTOCOL, raw(htons(protocol)))});
  std::vector<Bytes> attributes{
      attribute(IFLA_IFNAME, name("wan.100")), attribute(IFLA_MTU, raw(std::uint32_t{1500})),
      attribute(IFLA_LINK, raw(kWan)),
      attribute(IFLA_LINKINFO,
                joined({attribute(IFLA_INFO_KIND, name(kind)), attribute(IFLA_INFO_DATA, data)}))};
  attributes.insert(attributes.end(), more.begin(), more.end());
  return message(RTM_NEWLINK, body, attributes);
}

Link parsed(const Bytes& bytes) {
  Link result;
  EXPECT_TRUE(for_each_message(bytes, [&](const NetlinkMessage& message) {
    const ParsedMessage value = parse_message(message, {});
    ASSERT_TRUE(std::holds_alternative<Link>(value));
    result = std::get<Link>(value);
  }));
  return result;
}

TEST(NetlinkParser, Vlans) {
  EXPECT_EQ(parsed(vlan_message(100, ETH_P_8021Q)), vlan_link());
  Link other = vlan_link();
  other.parent = 0;
  other.vlan = 0;
  EXPECT_EQ(parsed(vlan_message(100, ETH_P_8021AD)), other);
  EXPECT_EQ(parsed(vlan_message(0, ETH_P_8021Q)), other);
  EXPECT_EQ(parsed(vlan_message(4095, ETH_P_8021Q)), other);
  EXPECT_EQ(parsed(vlan_message(100, ETH_P_8021Q, {}, "macvlan")), other);
  EXPECT_EQ(parsed(vlan_message(100, ETH_P_8021Q, {}, "vlanx")), other);
  // Its parent is in another network namespace.
  EXPECT_EQ(parsed(vlan_message(100, ETH_P_8021Q, {attribute(IFLA_LINK_NETNSID, raw(3))})), other);
}

}  // namespace
}  // namespace gotthard::route::test
