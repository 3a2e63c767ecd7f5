// The netlink parser on constructed messages.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "control/route/netlink_parser.h"
#include "tests/unit/route_messages.h"

namespace gotthard::route::test {
namespace {

KernelRoute parsed_route(const Bytes& bytes) {
  const ParsedMessage parsed = parse(bytes);
  const auto* route = std::get_if<RouteMessage>(&parsed);
  EXPECT_NE(route, nullptr);
  return route == nullptr ? KernelRoute{} : route->route;
}

TEST(NetlinkParser, Links) {
  EXPECT_EQ(parse(link_message(3, "wan")), ParsedMessage(Link{3, "wan", true, 1500}));
  EXPECT_EQ(parse(link_message(3, "wan", 0)), ParsedMessage(Link{3, "wan", false, 1500, false}));
  EXPECT_EQ(parse(link_message(3, "wan", 0, RTM_DELLINK)), ParsedMessage(LinkGone{3}));
  // Without its ending zero, too long, empty.
  ifinfomsg body{};
  body.ifi_index = 3;
  for (const Bytes& bad :
       {Bytes(3, std::byte{'a'}), name("a-name-of-16-chars"), name(""), Bytes{}}) {
    EXPECT_EQ(parse(message(RTM_NEWLINK, body, {attribute(IFLA_IFNAME, bad)})),
              ParsedMessage(Ignored::malformed));
  }
  body.ifi_family = AF_BRIDGE;
  EXPECT_EQ(parse(message(RTM_DELLINK, body, {})), ParsedMessage(Ignored::irrelevant));
}

TEST(NetlinkParser, Addresses) {
  EXPECT_EQ(parse(address_message(3, "192.0.2.1", 24)),
            ParsedMessage(LocalAddress{3, ip("192.0.2.1"), 24, true}));
  EXPECT_EQ(parse(address_message(3, "2001:db8::1", 64, IFA_F_TENTATIVE)),
            ParsedMessage(LocalAddress{3, ip("2001:db8::1"), 64, false}));
  EXPECT_EQ(parse(address_message(3, "2001:db8::1", 64, IFA_F_DADFAILED | IFA_F_TENTATIVE)),
            ParsedMessage(LocalAddressGone{3, ip("2001:db8::1"), 64}));
  EXPECT_EQ(parse(address_message(3, "192.0.2.1", 24, 0, RTM_DELADDR)),
            ParsedMessage(LocalAddressGone{3, ip("192.0.2.1"), 24}));
  EXPECT_EQ(parse(address_message(3, "192.0.2.1", 33)), ParsedMessage(Ignored::malformed));
  // Point to point: IFA_LOCAL is ours.
  ifaddrmsg body{};
  body.ifa_family = AF_INET;
  body.ifa_prefixlen = 32;
  body.ifa_index = 3;
  EXPECT_EQ(parse(message(RTM_NEWADDR, body,
                          {attribute(IFA_ADDRESS, raw_address("192.0.2.2")),
                           attribute(IFA_LOCAL, raw_address("192.0.2.1"))})),
            ParsedMessage(LocalAddress{3, ip("192.0.2.1"), 32, true}));
}

TEST(NetlinkParser, Routes) {
  const KernelRoute route = parsed_route(
      route_message("10.2.0.0", 16, 3,
                    {attribute(RTA_GATEWAY, raw_address("192.0.2.254")),
                     attribute(RTA_PRIORITY, raw(std::uint32_t{7})),
                     attribute(RTA_PREFSRC, raw_address("192.0.2.1")),
                     attribute(RTA_METRICS, attribute(RTAX_MTU, raw(std::uint32_t{1400})))}));
  EXPECT_EQ(route.destination, (Prefix{ip("10.2.0.0"), 16}));
  EXPECT_EQ(route.hops, (std::vector<RouteHop>{{3, ip("192.0.2.254"), 1}}));
  EXPECT_EQ(route.metric, 7U);
  EXPECT_EQ(route.source, ip("192.0.2.1"));
  EXPECT_EQ(route.mtu, 1400U);
  EXPECT_EQ(route.protocol, RTPROT_STATIC);
  EXPECT_EQ(parsed_route(route_message("0.0.0.0", 0, 3)).destination, (Prefix{ip("0.0.0.0"), 0}));
  EXPECT_EQ(parsed_route(route_message("::", 0, 3)).destination, (Prefix{ip("::"), 0}));

  // IPv4 by an IPv6 gateway.
  const Bytes via = joined({raw(std::uint16_t{AF_INET6}), raw_address("fe80::9")});
  EXPECT_EQ(parsed_route(route_message("10.2.0.0", 16, 3, {attribute(RTA_VIA, via)})).hops,
            (std::vector<RouteHop>{{3, ip("fe80::9"), 1}}));
}

TEST(NetlinkParser, RoutesThatAreNotFollowed) {
  const auto expect = [](const Bytes& bytes, Ignored ignored) {
    EXPECT_EQ(parse(bytes), ParsedMessage(ignored));
  };
  expect(route_message("10.2.0.0", 16, 3, {attribute(RTA_TABLE, raw(std::uint32_t{255}))}),
         Ignored::irrelevant);
  expect(route_message("10.2.0.0", 33, 3), Ignored::malformed);
  expect(route_message("10.2.0.1", 16, 3), Ignored::malformed);
  expect(route_message("10.2.0.0", 16, 3, {attribute(RTA_GATEWAY, Bytes(3))}), Ignored::malformed);
  expect(route_message("10.2.0.0", 16, 3, {attribute(RTA_GATEWAY, Bytes(16))}), Ignored::malformed);
  expect(route_message("10.2.0.0", 16, 3, {attribute(RTA_VIA, Bytes(1))}), Ignored::malformed);
  expect(route_message("10.2.0.0", 16, 3, {attribute(RTA_VIA, Bytes(6, std::byte{77}))}),
         Ignored::malformed);
  expect(route_message("10.2.0.0", 16, 3, {attribute(RTA_PREFSRC, Bytes(5))}), Ignored::malformed);
  rtmsg body{};
  body.rtm_family = AF_INET;
  body.rtm_table = RT_TABLE_MAIN;
  body.rtm_type = RTN_MULTICAST;
  expect(message(RTM_NEWROUTE, body, {}), Ignored::irrelevant);
  body.rtm_type = RTN_UNICAST;
  body.rtm_family = AF_MPLS;
  expect(message(RTM_NEWROUTE, body, {}), Ignored::irrelevant);
  body.rtm_family = AF_INET6;
  body.rtm_flags = RTM_F_CLONED;
  expect(message(RTM_NEWROUTE, body, {}), Ignored::irrelevant);
  body.rtm_flags = 0;
  body.rtm_src_len = 129;
  expect(message(RTM_NEWROUTE, body, {}), Ignored::malformed);
}

TEST(NetlinkParser, RoutesThatAreReported) {
  const auto obstacle = [](const Bytes& bytes) {
    const KernelRoute route = parsed_route(bytes);
    EXPECT_EQ(route.type, RouteType::not_followed);
    return route.obstacle;
  };
  const Bytes encap = attribute(RTA_ENCAP_TYPE, raw(std::uint16_t{1}));
  EXPECT_EQ(obstacle(route_message("10.2.0.0", 16, 3, {encap})), Obstacle::encapsulation);
  EXPECT_EQ(
      obstacle(route_message("10.2.0.0", 16, 0,
                             {attribute(RTA_MULTIPATH, joined({hop(3, {}), hop(4, {encap})}))})),
      Obstacle::encapsulation);
  EXPECT_EQ(obstacle(route_message("10.2.0.0", 16, 0)), Obstacle::type);
  std::vector<Bytes> hops;
  for (int link = 1; link <= 33; ++link) {
    hops.push_back(hop(link, {}));
  }
  EXPECT_EQ(obstacle(route_message("10.2.0.0", 16, 0, {attribute(RTA_MULTIPATH, joined(hops))})),
            Obstacle::hops);
  rtmsg body{};
  body.rtm_family = AF_INET;
  body.rtm_table = RT_TABLE_MAIN;
  body.rtm_type = RTN_NAT;
  EXPECT_EQ(obstacle(message(RTM_NEWROUTE, body, {})), Obstacle::type);
}

TEST(NetlinkParser, SomePacketsRoutes) {
  rtmsg body{};
  body.rtm_family = AF_INET6;
  body.rtm_table = RT_TABLE_MAIN;
  body.rtm_type = RTN_UNICAST;
  body.rtm_src_len = 64;
  const std::vector<Bytes> attributes{attribute(RTA_OIF, raw(std::uint32_t{3})),
                                      attribute(RTA_SRC, raw_address("2001:db8:1::"))};
  EXPECT_EQ(parsed_route(message(RTM_NEWROUTE, body, attributes)).from,
            (Prefix{ip("2001:db8:1::"), 64}));
  body.rtm_family = AF_INET;
  body.rtm_src_len = 0;
  body.rtm_tos = 0x10;
  EXPECT_EQ(
      parsed_route(message(RTM_NEWROUTE, body, {attribute(RTA_OIF, raw(std::uint32_t{3}))})).tos,
      0x10);
}

TEST(NetlinkParser, WhatAFamilysRoutesDoNotSelectByIsPassedOver) {
  rtmsg body{};
  body.rtm_family = AF_INET6;
  body.rtm_table = RT_TABLE_MAIN;
  body.rtm_type = RTN_UNICAST;
  body.rtm_tos = 0x10;
  const auto out = attribute(RTA_OIF, raw(std::uint32_t{3}));
  EXPECT_EQ(parsed_route(message(RTM_NEWROUTE, body, {out})).tos, 0);
  body.rtm_tos = 0;
  body.rtm_family = AF_INET;
  body.rtm_src_len = 8;
  EXPECT_EQ(parsed_route(message(RTM_NEWROUTE, body, {out})).from.length, 0);
}

TEST(NetlinkParser, RoutesThatLeadNowhereHaveNoLink) {
  rtmsg body{};
  body.rtm_family = AF_INET;
  body.rtm_table = RT_TABLE_MAIN;
  for (const auto& [type, expected] : {std::pair{RTN_BLACKHOLE, RouteType::blackhole},
                                       {RTN_UNREACHABLE, RouteType::unreachable},
                                       {RTN_PROHIBIT, RouteType::prohibit},
                                       {RTN_THROW, RouteType::none}}) {
    body.rtm_type = static_cast<unsigned char>(type);
    // IPv6 names the loopback device.
    const KernelRoute route =
        parsed_route(message(RTM_NEWROUTE, body, {attribute(RTA_OIF, raw(std::uint32_t{1}))}));
    EXPECT_EQ(route.type, expected);
    EXPECT_TRUE(route.hops.empty());
  }
}

TEST(NetlinkParser, MultipathHasAllWaysWithTheirWeights) {
  Bytes heavy = hop(4, {attribute(RTA_GATEWAY, raw_address("192.0.2.2"))});
  heavy[offsetof(rtnexthop, rtnh_hops)] = std::byte{9};
  const Bytes hops =
      joined({hop(5, {}), hop(3, {attribute(RTA_GATEWAY, raw_address("192.0.2.1"))}, RTNH_F_DEAD),
              heavy, hop(5, {})});
  EXPECT_EQ(parsed_route(route_message("10.2.0.0", 16, 0, {attribute(RTA_MULTIPATH, hops)})).hops,
            (std::vector<RouteHop>{{3, ip("192.0.2.1"), 1}, {4, ip("192.0.2.2"), 10}, {5, {}, 2}}));

  Bytes cut = hops;
  cut.resize(cut.size() - 4);
  EXPECT_EQ(parse(route_message("10.2.0.0", 16, 0, {attribute(RTA_MULTIPATH, cut)})),
            ParsedMessage(Ignored::malformed));
  Bytes endless = hop(3, {});
  endless[0] = std::byte{0};  // a length that goes nowhere
  endless[1] = std::byte{0};
  EXPECT_EQ(parse(route_message("10.2.0.0", 16, 0, {attribute(RTA_MULTIPATH, endless)})),
            ParsedMessage(Ignored::malformed));
  EXPECT_EQ(parse(route_message("10.2.0.0", 16, 0, {attribute(RTA_MULTIPATH, Bytes{})})),
            ParsedMessage(Ignored::malformed));
}

TEST(NetlinkParser, NextHopObjects) {
  const auto object = [](const Bytes& bytes) {
    const ParsedMessage parsed = parse(bytes);
    const auto* found = std::get_if<NextHopObject>(&parsed);
    EXPECT_NE(found, nullptr);
    return found == nullptr ? NextHopObject{} : *found;
  };
  const Bytes link = attribute(NHA_OIF, raw(std::uint32_t{3}));
  EXPECT_EQ(object(next_hop_message(7, {link, attribute(NHA_GATEWAY, raw_address("2001:db8::2"))},
                                    AF_INET6))
                .hop,
            (RouteHop{3, ip("2001:db8::2"), 1}));
  EXPECT_EQ(object(next_hop_message(7, {attribute(NHA_BLACKHOLE, {})})).type, RouteType::blackhole);
  EXPECT_EQ(
      object(next_hop_message(7, {link, attribute(NHA_ENCAP_TYPE, raw(std::uint16_t{1}))})).type,
      RouteType::not_followed);
  const Bytes members = joined({raw(nexthop_grp{8, 0, 0, 0}), raw(nexthop_grp{9, 4, 1, 0})});
  EXPECT_EQ(object(next_hop_message(7, {attribute(NHA_GROUP, members)}, AF_UNSPEC)).members,
            (std::vector<NextHopMember>{{8, 1}, {9, 261}}));
  EXPECT_EQ(parse(next_hop_message(7, {}, AF_INET, RTM_DELNEXTHOP)),
            ParsedMessage(NextHopObjectGone{7}));
  for (const auto& bad :
       {next_hop_message(0, {link}), next_hop_message(7, {attribute(NHA_GROUP, Bytes(7))}),
        next_hop_message(7, {attribute(NHA_GROUP, {})}),
        next_hop_message(7, {link, attribute(NHA_GATEWAY, Bytes(3))})}) {
    EXPECT_EQ(parse(bad), ParsedMessage(Ignored::malformed));
  }
  EXPECT_EQ(parse(next_hop_message(7, {attribute(NHA_FDB, {})})),
            ParsedMessage(Ignored::irrelevant));
}

TEST(NetlinkParser, Neighbours) {
  const Mac mac{2, 0, 0, 0, 0, 7};
  for (const auto& [state, expected] : {std::pair{NUD_REACHABLE, Reachability::reachable},
                                        {NUD_PERMANENT, Reachability::reachable},
                                        {NUD_DELAY, Reachability::reachable},
                                        {NUD_PROBE, Reachability::reachable},
                                        {NUD_STALE, Reachability::stale}}) {
    EXPECT_EQ(parse(neighbour_message(3, "10.1.0.7", static_cast<std::uint16_t>(state), kMacBytes)),
              ParsedMessage(Neighbour{3, ip("10.1.0.7"), mac, expected}));
  }
  EXPECT_EQ(parse(neighbour_message(3, "fe80::7", NUD_FAILED, {})),
            ParsedMessage(Neighbour{3, ip("fe80::7"), {}, Reachability::failed}));
  EXPECT_EQ(parse(neighbour_message(3, "fe80::7", NUD_INCOMPLETE, {})),
            ParsedMessage(Neighbour{3, ip("fe80::7"), {}, Reachability::incomplete}));
  EXPECT_EQ(parse(neighbour_message(3, "10.1.0.7", NUD_STALE, kMacBytes, RTM_DELNEIGH)),
            ParsedMessage(NeighbourGone{3, ip("10.1.0.7")}));
  // Groups, links without Ethernet addresses, nothing at all.
  EXPECT_EQ(parse(neighbour_message(3, "10.1.0.255", NUD_NOARP, Bytes(6, std::byte{0xff}))),
            ParsedMessage(Ignored::irrelevant));
  EXPECT_EQ(parse(neighbour_message(3, "10.1.0.7", NUD_NOARP, Bytes(8))),
            ParsedMessage(Ignored::irrelevant));
  EXPECT_EQ(parse(neighbour_message(3, "10.1.0.7", NUD_REACHABLE, {})),
            ParsedMessage(Ignored::irrelevant));
  EXPECT_EQ(parse(neighbour_message(0, "10.1.0.7", NUD_REACHABLE, kMacBytes)),
            ParsedMessage(Ignored::malformed));
}

// Cut anywhere, also with a header that claims the cut length: no crash, and nothing made up.
TEST(NetlinkParser, TruncatedMessages) {
  const std::vector<Bytes> messages{
      link_message(3, "wan"),
      address_message(3, "2001:db8::1", 64),
      route_message("10.2.0.0", 16, 3, {attribute(RTA_GATEWAY, raw_address("192.0.2.254"))}),
      route_message(
          "10.2.0.0", 16, 0,
          {attribute(RTA_MULTIPATH, hop(4, {attribute(RTA_GATEWAY, raw_address("192.0.2.2"))}))}),
      next_hop_message(7, {attribute(NHA_GROUP, raw(nexthop_grp{8, 0, 0, 0}))}),
      neighbour_message(3, "10.1.0.7", NUD_REACHABLE, kMacBytes),
      rule_message(AF_INET, 9, 7, RTM_NEWRULE,
                   {attribute(FRA_SUPPRESS_PREFIXLEN, raw(0U)), attribute(FRA_FWMARK, raw(5U))})};
  for (const Bytes& whole : messages) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_EQ(for_each_message(cut, [](const NetlinkMessage&) { FAIL(); }), size == 0);
      if (size >= sizeof(nlmsghdr)) {
        const auto claimed = static_cast<std::uint32_t>(size);
        std::memcpy(cut.data(), &claimed, sizeof(claimed));
        EXPECT_TRUE(for_each_message(
            cut, [](const NetlinkMessage& message) { (void)parse_message(message, {}); }));
      }
    }
  }
}

RC_GTEST_PROP(NetlinkParserProperty, AnyBytesDoNoHarm, (const std::vector<std::uint8_t>& noise)) {
  Bytes whole = route_message("10.2.0.0", 16, 3, {attribute(RTA_GATEWAY, raw_address("1.2.3.4"))});
  for (std::size_t i = 0; i < noise.size(); ++i) {
    whole[(i * 7 + noise[i]) % whole.size()] ^= static_cast<std::byte>(noise[i]);
  }
  (void)for_each_message(whole,
                         [](const NetlinkMessage& message) { (void)parse_message(message, {}); });
}

}  // namespace
}  // namespace gotthard::route::test
