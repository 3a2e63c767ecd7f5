// The netlink follower on constructed messages: no kernel needed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/unit/route_follower.h"

namespace gotthard::route::test {
namespace {

TEST_F(NetlinkFollowerTest, DumpsEverythingInOrder) {
  synchronise();
  std::vector<int> types;
  for (const nlmsghdr& request : requests_) {
    types.push_back(request.nlmsg_type);
    EXPECT_EQ(request.nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
  }
  EXPECT_THAT(types, testing::ElementsAre(RTM_GETLINK, RTM_GETADDR, RTM_GETRULE, RTM_GETNEXTHOP,
                                          RTM_GETROUTE, RTM_GETROUTE, RTM_GETNEIGH));
  EXPECT_TRUE(follower_.synchronised());
  EXPECT_EQ(view_.synchronised, 1);
  EXPECT_EQ(view_.links.size(), 2U);
  EXPECT_EQ(view_.addresses.size(), 1U);
  EXPECT_EQ(view_.routes.size(), 2U);
  EXPECT_EQ(view_.neighbours.size(), 1U);
}

TEST_F(NetlinkFollowerTest, PolicyRulesComeGoAndAreDumped) {
  synchronise();
  EXPECT_THAT(rule_tables(), testing::ElementsAre(RT_TABLE_MAIN));
  const Bytes added = rule_message(AF_INET6, 100, 7);
  tell({added});
  tell({added});
  EXPECT_THAT(rule_tables(), testing::ElementsAre(RT_TABLE_MAIN, 7));
  follower_.on_overrun(now_);
  answer({});
  answer({});
  answer({rule_message(AF_INET, 5, 9)});
  EXPECT_THAT(rule_tables(), testing::ElementsAre(9));
  tell({rule_message(AF_INET, 5, 9, RTM_DELRULE)});
  EXPECT_TRUE(view_.rules.empty());
}

TEST_F(NetlinkFollowerTest, AKernelWithoutPolicyRulesHasNone) {
  follower_.start(now_);
  answer({});
  answer({});
  tell({message(NLMSG_ERROR, nlmsgerr{-EBUSY, {}}, {}, 0, requests_.back().nlmsg_seq)});
  const auto asked = requests_.size();
  follower_.on_time(now_ += kSecond);
  ASSERT_EQ(requests_.size(), asked + 1);
  EXPECT_EQ(requests_.back().nlmsg_type, RTM_GETRULE);
  tell({message(NLMSG_ERROR, nlmsgerr{-EOPNOTSUPP, {}}, {}, 0, requests_.back().nlmsg_seq)});
  EXPECT_FALSE(follower_.synchronised());
  for (int i = 0; i < 4; ++i) {
    answer({});
  }
  EXPECT_TRUE(follower_.synchronised());
}

TEST_F(NetlinkFollowerTest, ADumpThatWasInterruptedIsRepeated) {
  follower_.start(now_);
  answer({link_message(3, "wan")}, NLM_F_DUMP_INTR);
  EXPECT_EQ(requests_.size(), 1U);
  follower_.on_time(now_ += kSecond);
  ASSERT_EQ(requests_.size(), 2U);
  EXPECT_EQ(requests_.back().nlmsg_type, RTM_GETLINK);
  EXPECT_EQ(follower_.counters().repeated, 1U);
}

TEST_F(NetlinkFollowerTest, ARefusedOrUnsentRequestIsRepeated) {
  send_works_ = false;
  follower_.start(now_);
  EXPECT_EQ(requests_.size(), 1U);
  send_works_ = true;
  follower_.on_time(now_ + kMillisecond);
  EXPECT_EQ(requests_.size(), 1U);
  follower_.on_time(now_ += kSecond);
  EXPECT_EQ(requests_.size(), 2U);
  tell({message(NLMSG_ERROR, nlmsgerr{-EBUSY, {}}, {}, 0, requests_.back().nlmsg_seq)});
  follower_.on_time(now_ += kSecond);
  EXPECT_EQ(requests_.size(), 3U);
  // No answer at all.
  EXPECT_EQ(follower_.next_time(), now_ + 10 * kSecond);
  follower_.on_time(now_ += 10 * kSecond);
  follower_.on_time(now_ += kSecond);
  EXPECT_EQ(requests_.size(), 4U);
}

TEST_F(NetlinkFollowerTest, AnOverrunIsMadeUpForByDifferences) {
  synchronise();
  follower_.on_overrun(now_);
  answer({link_message(3, "wan", 0), link_message(6, "lan")});  // wg0 is gone
  answer({});
  answer({});
  answer({});
  answer({route_message("192.0.2.0", 24, 3), route_message("10.3.0.0", 16, 6)});
  answer({});
  answer({neighbour_message(3, "192.0.2.9", NUD_REACHABLE, kMacBytes)});
  EXPECT_EQ(view_.synchronised, 2);
  EXPECT_EQ(view_.links.size(), 2U);
  EXPECT_FALSE(view_.links.at(3).up);
  EXPECT_TRUE(view_.addresses.empty());
  ASSERT_EQ(view_.routes.size(), 2U);
  EXPECT_EQ(view_.routes.begin()->destination, (Prefix{ip("10.3.0.0"), 16}));
  EXPECT_EQ(view_.neighbours.begin()->second.state, Reachability::reachable);
}

TEST_F(NetlinkFollowerTest, AnOverrunDuringADumpRepeatsIt) {
  follower_.start(now_);
  tell({link_message(3, "wan")});
  follower_.on_overrun(now_);
  EXPECT_EQ(requests_.size(), 1U);  // the kernel runs one dump at a time
  answer({});
  EXPECT_EQ(view_.links.size(), 1U);
  follower_.on_time(now_ += kSecond);
  ASSERT_EQ(requests_.size(), 2U);
  answer({});
  EXPECT_TRUE(view_.links.empty());
}

TEST_F(NetlinkFollowerTest, ALinkThatGoesDownMayTakeRoutesUnsaid) {
  synchronise();
  tell({link_message(5, "wg0", 0)});
  EXPECT_EQ(view_.routes.size(), 2U);
  follower_.on_time(now_ += kSecond);
  ASSERT_EQ(requests_.back().nlmsg_type, RTM_GETNEXTHOP);
  answer({});
  ASSERT_EQ(requests_.back().nlmsg_type, RTM_GETROUTE);
  answer({route_message("192.0.2.0", 24, 3)});
  answer({});
  EXPECT_EQ(view_.routes.size(), 1U);
  EXPECT_EQ(view_.synchronised, 1);
}

TEST_F(NetlinkFollowerTest, ReplacementIsFollowedWhereItIsCertain) {
  synchronise();
  tell({route_message("10.2.0.0", 16, 3, {attribute(RTA_GATEWAY, raw_address("192.0.2.254"))},
                      RTM_NEWROUTE, NLM_F_REPLACE)});
  ASSERT_EQ(view_.routes.size(), 2U);
  EXPECT_EQ(view_.routes.begin()->hops[0].gateway, ip("192.0.2.254"));
  const auto before = requests_.size();
  follower_.on_time(now_ += kSecond);
  EXPECT_EQ(requests_.size(), before);
  // Two of the same metric: which one was replaced is not said.
  tell({route_message("10.2.0.0", 16, 5)});
  tell({route_message("10.2.0.0", 16, 3, {}, RTM_NEWROUTE, NLM_F_REPLACE)});
  follower_.on_time(now_ += kSecond);
  EXPECT_EQ(requests_.size(), before + 1);
}

// IPv4's are routes of their own, IPv6's are siblings that come and go.
TEST_F(NetlinkFollowerTest, WaysOfOneRoute) {
  synchronise();
  const auto asked = requests_.size();
  const auto way = [](const char* gateway) {
    return hop(3, {attribute(RTA_GATEWAY, raw_address(gateway))});
  };
  const auto via = [](const std::vector<Bytes>& hops) {
    return std::vector<Bytes>{attribute(RTA_MULTIPATH, joined(hops))};
  };
  const auto only = [](const char* gateway) {
    return std::vector<Bytes>{attribute(RTA_GATEWAY, raw_address(gateway))};
  };
  tell({route_message("10.4.0.0", 16, 0, via({way("192.0.2.2"), way("192.0.2.3")}))});
  tell({route_message("10.4.0.0", 16, 3, only("192.0.2.2"))});
  EXPECT_EQ(view_.routes.size(), 4U);
  tell({route_message("10.4.0.0", 16, 0, via({way("192.0.2.3"), way("192.0.2.2")}), RTM_DELROUTE)});
  EXPECT_EQ(view_.routes.size(), 3U);

  tell({route_message("2001:db8:9::", 48, 3, only("2001:db8::2"))});
  tell({route_message("2001:db8:9::", 48, 0, via({way("2001:db8::3"), way("2001:db8::2")}))});
  EXPECT_EQ(view_.routes.size(), 4U);
  EXPECT_EQ(view_.routes.rbegin()->hops.size(), 2U);
  tell({route_message("2001:db8:9::", 48, 3, only("2001:db8::2"), RTM_DELROUTE)});
  EXPECT_EQ(view_.routes.rbegin()->hops, (std::vector<RouteHop>{{3, ip("2001:db8::3"), 1}}));
  tell({route_message("2001:db8:9::", 48, 3, only("2001:db8::3"), RTM_DELROUTE)});
  EXPECT_EQ(view_.routes.size(), 3U);
  follower_.on_time(now_ += kSecond);
  EXPECT_EQ(requests_.size(), asked) << "all of it was certain";
  tell({route_message("2001:db8:9::", 48, 3, only("2001:db8::3"), RTM_DELROUTE)});
  follower_.on_time(now_ += kSecond);
  EXPECT_EQ(requests_.back().nlmsg_type, RTM_GETROUTE) << "of what is not known";
}

TEST_F(NetlinkFollowerTest, RoutesFollowTheirNextHopObject) {
  synchronise();
  const auto asked = requests_.size();
  const auto object = [](std::uint32_t id, const char* gateway) {
    return next_hop_message(id, {attribute(NHA_OIF, raw(std::uint32_t{3})),
                                 attribute(NHA_GATEWAY, raw_address(gateway))});
  };
  const auto by = [](std::uint32_t id) {
    return std::vector<Bytes>{attribute(RTA_NH_ID, raw(id))};
  };
  const auto group = [](const Bytes& members) {
    return next_hop_message(9, {attribute(NHA_GROUP, members)}, AF_UNSPEC);
  };
  tell({object(7, "192.0.2.7"), object(8, "192.0.2.8"),
        group(joined({raw(nexthop_grp{7, 2, 0, 0}), raw(nexthop_grp{8, 0, 0, 0})}))});
  // The kernel spells the ways out, or does not (net.ipv4.nexthop_compat_mode).
  tell({route_message("10.4.0.0", 16, 0, by(9)), route_message("10.5.0.0", 16, 0, by(7))});
  const auto hops = [&](const char* destination) {
    for (const KernelRoute& route : view_.routes) {
      if (route.destination.address == ip(destination)) {
        return route.hops;
      }
    }
    return std::vector<RouteHop>{};
  };
  EXPECT_EQ(hops("10.4.0.0"),
            (std::vector<RouteHop>{{3, ip("192.0.2.7"), 3}, {3, ip("192.0.2.8"), 1}}));
  tell({object(7, "192.0.2.9")});
  EXPECT_EQ(hops("10.4.0.0"),
            (std::vector<RouteHop>{{3, ip("192.0.2.8"), 1}, {3, ip("192.0.2.9"), 3}}));
  EXPECT_EQ(hops("10.5.0.0"), (std::vector<RouteHop>{{3, ip("192.0.2.9"), 1}}));
  tell({next_hop_message(7, {attribute(NHA_BLACKHOLE, {})})});
  EXPECT_EQ(view_.routes.begin()->destination, (Prefix{ip("10.2.0.0"), 16}));
  EXPECT_TRUE(hops("10.5.0.0").empty());
  // What goes takes its routes along, unsaid; a group without it is told.
  tell({next_hop_message(7, {}, AF_INET, RTM_DELNEXTHOP), group(raw(nexthop_grp{8, 0, 0, 0}))});
  EXPECT_EQ(hops("10.4.0.0"), (std::vector<RouteHop>{{3, ip("192.0.2.8"), 1}}));
  EXPECT_EQ(view_.routes.size(), 3U);
  tell({route_message("10.5.0.0", 16, 0, by(7), RTM_DELROUTE)});
  follower_.on_time(now_ += kSecond);
  EXPECT_EQ(requests_.size(), asked);
  // One that was never told of: it is asked for, with the ways that are spelled out meanwhile.
  auto spelled = by(77);
  spelled.push_back(attribute(RTA_GATEWAY, raw_address("192.0.2.3")));
  tell({route_message("10.6.0.0", 16, 3, spelled)});
  EXPECT_EQ(hops("10.6.0.0"), (std::vector<RouteHop>{{3, ip("192.0.2.3"), 1}}));
  follower_.on_time(now_ += kSecond);
  ASSERT_EQ(requests_.back().nlmsg_type, RTM_GETNEXTHOP);
  answer({object(77, "192.0.2.4"), object(8, "192.0.2.8")});
  EXPECT_EQ(hops("10.6.0.0"), (std::vector<RouteHop>{{3, ip("192.0.2.4"), 1}}));
  EXPECT_TRUE(hops("10.4.0.0").empty()) << "the group is gone by the dump";
}

TEST_F(NetlinkFollowerTest, OthersThanTheKernelAreNotHeard) {
  synchronise();
  follower_.on_datagram(link_message(9, "evil"), false, now_);
  EXPECT_FALSE(view_.links.contains(9));
  EXPECT_EQ(follower_.counters().foreign, 1U);
}

TEST_F(NetlinkFollowerTest, AMalformedDatagramLeadsToADump) {
  synchronise();
  Bytes bad = link_message(9, "lan");
  bad.resize(bad.size() - 8);
  const auto before = requests_.size();
  follower_.on_datagram(bad, true, now_);
  EXPECT_EQ(follower_.counters().malformed, 1U);
  follower_.on_time(now_ += kSecond);
  EXPECT_EQ(requests_.size(), before + 1);
}

TEST_F(NetlinkFollowerTest, WhatTheKernelHasDoneIsHeardBehindItsNotifications) {
  synchronise();
  bool heard = false;
  const std::size_t asked = requests_.size();
  follower_.when_heard(now_, [&] { heard = true; });
  ASSERT_EQ(requests_.size(), asked + 1);
  tell({route_message("10.9.0.0", 16, 5)});
  EXPECT_FALSE(heard);
  answer({});
  EXPECT_TRUE(heard);
  EXPECT_EQ(view_.routes.size(), 3U);
}

TEST_F(NetlinkFollowerTest, WhatAnOverrunHasLostIsHeardByItsDumps) {
  synchronise();
  int heard = 0;
  follower_.when_heard(now_, [&] { ++heard; });
  follower_.on_overrun(now_);
  follower_.when_heard(now_, [&] { ++heard; });
  answer({});  // the rules: asked for before the overrun
  follower_.on_time(now_ += kSecond);
  for (int i = 0; i < 7; ++i) {
    EXPECT_EQ(heard, 0) << i;
    answer({});
  }
  EXPECT_EQ(heard, 2);
}

TEST_F(NetlinkFollowerTest, AKernelThatIsNeverAtRestIsNotWaitedForForever) {
  synchronise();
  bool heard = false;
  follower_.when_heard(now_, [&] { heard = true; });
  const Nanoseconds end = now_ + NetlinkFollower::kLongestWait;
  for (; now_ < end; now_ += kSecond) {
    follower_.on_time(now_);
    follower_.on_overrun(now_);
    answer({});
    EXPECT_FALSE(heard);
  }
  follower_.on_time(now_);
  EXPECT_TRUE(heard);
}

TEST_F(NetlinkFollowerTest, LooksAgainNowAndThen) {
  synchronise();
  const auto before = requests_.size();
  follower_.on_time(now_ += 299 * kSecond);
  EXPECT_EQ(requests_.size(), before);
  follower_.on_time(now_ += 2 * kSecond);
  EXPECT_EQ(requests_.size(), before + 1);
}

}  // namespace
}  // namespace gotthard::route::test
