// Outer packets of tunnels with a mark: by policy rules and the tables that they name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/rtnetlink.h>

#include "control/route/underlay.h"
#include "tests/unit/route_fixture.h"

namespace gotthard::route::test {
namespace {

// wan and wan2 are ports of the underlay. Peer 1 is wg0's, peer 2 wg1's.
class MarksTest : public FibBuilderFixture {
 protected:
  static constexpr int kWan2 = 6;
  MarksTest() {
    config::Port wan2;
    wan2.name = "wan2";
    config_.ports.push_back(wan2);
    config::WireGuard wg1;
    wg1.name = "wg1";
    config_.wireguard.push_back(wg1);
    start();
    fib_.apply(Link{kWan2, "wan2", true, 1400});
    fib_.apply(Link{7, "wg1", true, 1420});
    address(kWan2, "198.51.100.1/24");
    address(kWan2, "2001:db8:2::1/64");
    route("198.51.100.0/24", kWan2);
    route("0.0.0.0/0", kWan, "192.0.2.254");
    route("::/0", kWan, "2001:db8::fe");
    for (const auto& [priority, table] :
         {std::pair{0U, RT_TABLE_LOCAL}, {32766U, RT_TABLE_MAIN}, {32767U, RT_TABLE_DEFAULT}}) {
      fib_.apply(rule(priority, table));
      fib_.apply(rule(priority, table, 0, 0, Family::ipv6));
    }
    fib_.set_endpoint(0, 1, ip("203.0.113.9"));
    fib_.set_endpoint(1, 2, ip("203.0.113.9"));
    flush();
  }

  static PolicyRule rule(std::uint32_t priority, std::uint32_t table, std::uint32_t mark = 0,
                         std::uint32_t mask = 0, Family family = Family::ipv4) {
    PolicyRule result;
    result.family = family;
    result.priority = priority;
    result.table = table;
    result.mark = mark;
    result.mask = mask;
    return result;
  }
  static PolicyRule refusing(PolicyRule::Action action) {
    PolicyRule result = rule(50, kMainTable, 5, UINT32_MAX);
    result.action = action;
    return result;
  }
  static PolicyRule suppressing(PolicyRule result, int length) {
    result.suppress = length;
    return result;
  }
  void route_of(std::uint32_t table, const std::string& prefix, int link, const std::string& via,
                std::uint32_t metric = 0) {
    fib_.apply(RouteAdded{of(table, prefix, link, via, metric)});
  }
  static KernelRoute of(std::uint32_t table, const std::string& prefix, int link,
                        const std::string& via, std::uint32_t metric = 0) {
    KernelRoute result = make_route(prefix, link, via, metric);
    result.table = table;
    return result;
  }
  void known(std::uint32_t table, Family family = Family::ipv4) {
    fib_.apply(TableKnown{family, table});
  }
  // The next hop of its outer packets; "": there is none.
  std::string via(std::uint32_t peer) {
    flush();
    const auto way = fib_.endpoint(peer);
    return way ? config::to_string(plane_.neighbours().at(way->neighbour).address) : "";
  }
  // By table 100 to wan2, everything else as ever.
  void mark_by_100() {
    fib_.apply(rule(100, 100, 5, UINT32_MAX));
    route_of(100, "0.0.0.0/0", kWan2, "198.51.100.254");
    known(100);
    known(RT_TABLE_LOCAL);
    known(RT_TABLE_DEFAULT);
    fib_.set_mark(0, 5);
  }
  std::vector<std::pair<std::uint32_t, std::string>> not_followed() {
    std::vector<std::pair<std::uint32_t, std::string>> result;
    for (const auto& [rule, reason] : fib_.rules_not_followed()) {
      result.emplace_back(rule.priority, reason);
    }
    return result;
  }
};

TEST_F(MarksTest, ARuleByMarkSaysTheTable) {
  EXPECT_EQ(via(1), "192.0.2.254");
  mark_by_100();
  EXPECT_EQ(via(1), "198.51.100.254");
  EXPECT_EQ(fib_.endpoint(1)->local, ip("198.51.100.1"));
  EXPECT_EQ(fib_.endpoint(1)->port, 2);
  EXPECT_EQ(fib_.endpoint(1)->mtu, 1400);
  EXPECT_EQ(via(2), "192.0.2.254") << "it has no mark";
  EXPECT_EQ(fib_.resolve_endpoint(0, ip("203.0.113.77"), now_)->port, 2);
  EXPECT_EQ(fib_.resolve_endpoint(1, ip("203.0.113.77"), now_)->port, 0);
  const auto by = fib_.outer_way(1);
  ASSERT_TRUE(by && by->rule);
  EXPECT_EQ(by->table, 100U);
  EXPECT_EQ(by->rule->priority, 100U);
  EXPECT_EQ(by->refusal, "");
  EXPECT_EQ(fib_.outer_way(2)->table, kMainTable);
  EXPECT_FALSE(fib_.outer_way(2)->rule);
  EXPECT_EQ(kind("203.0.113.9"), abi::HopKind::neighbour) << "others are routed by main";
  (void)fib_.take_changed_endpoints();
  fib_.set_mark(0, 0);
  EXPECT_EQ(via(1), "192.0.2.254");
  EXPECT_THAT(fib_.take_changed_endpoints(), testing::ElementsAre(1));
}

TEST_F(MarksTest, ChangesOfRulesAndRoutesAreFollowedAtOnce) {
  mark_by_100();
  EXPECT_EQ(via(1), "198.51.100.254");
  route_of(100, "203.0.113.0/24", kWan2, "198.51.100.253");
  EXPECT_EQ(via(1), "198.51.100.253");
  fib_.apply(RouteReplaced{of(100, "203.0.113.0/24", kWan2, "198.51.100.253"),
                           of(100, "203.0.113.0/24", kWan2, "198.51.100.252")});
  EXPECT_EQ(via(1), "198.51.100.252");
  fib_.apply(RouteGone{of(100, "203.0.113.0/24", kWan2, "198.51.100.252")});
  EXPECT_EQ(via(1), "198.51.100.254");
  route_of(100, "0.0.0.0/0", kWan2, "198.51.100.251", 7);
  EXPECT_EQ(via(1), "198.51.100.254") << "by metric";
  fib_.apply(RouteGone{of(100, "0.0.0.0/0", kWan2, "198.51.100.254")});
  EXPECT_EQ(via(1), "198.51.100.251");
  fib_.apply(RouteGone{of(100, "0.0.0.0/0", kWan2, "198.51.100.251", 7)});
  EXPECT_EQ(via(1), "192.0.2.254") << "the table has no route: the next rule";
  route_of(100, "0.0.0.0/0", kWan2, "198.51.100.254");
  EXPECT_EQ(via(1), "198.51.100.254");
  fib_.apply(PolicyRuleGone{rule(100, 100, 5, UINT32_MAX)});
  EXPECT_EQ(via(1), "192.0.2.254");
}

TEST_F(MarksTest, AMarkThatNoRuleIsForChangesNothing) {
  mark_by_100();
  fib_.set_mark(0, 6);
  EXPECT_EQ(via(1), "192.0.2.254");
  EXPECT_FALSE(fib_.outer_way(1)->rule);
  // Nor has the kernel's own local table any meaning then: it is not followed.
  fib_.apply(PolicyRuleGone{rule(100, 100, 5, UINT32_MAX)});
  fib_.set_mark(0, 5);
  EXPECT_EQ(via(1), "192.0.2.254");
}

TEST_F(MarksTest, MasksAndInversion) {
  known(RT_TABLE_LOCAL);
  known(RT_TABLE_DEFAULT);
  route_of(100, "0.0.0.0/0", kWan2, "198.51.100.254");
  known(100);
  fib_.set_mark(0, 0x105);
  fib_.apply(rule(100, 100, 5, 0xff));
  EXPECT_EQ(via(1), "198.51.100.254");
  fib_.set_mark(0, 0x106);
  EXPECT_EQ(via(1), "192.0.2.254");
  PolicyRule inverted = rule(101, 100, 5, 0xff);
  inverted.inverted = true;
  fib_.apply(inverted);
  EXPECT_EQ(via(1), "198.51.100.254");
  fib_.apply(PolicyRuleGone{rule(100, 100, 5, 0xff)});
  fib_.set_mark(0, 5);
  EXPECT_EQ(via(1), "192.0.2.254");
}

// As wg-quick makes them.
TEST_F(MarksTest, ASuppressedDefaultRouteIsNone) {
  PolicyRule inverted = rule(32765, 51820, 51820, UINT32_MAX);
  inverted.inverted = true;
  fib_.apply(inverted);
  fib_.apply(suppressing(rule(32764, RT_TABLE_MAIN), 0));
  route_of(51820, "0.0.0.0/0", kWg0, "");
  known(51820);
  known(RT_TABLE_LOCAL);
  known(RT_TABLE_DEFAULT);
  fib_.set_mark(0, 51820);
  EXPECT_EQ(via(1), "192.0.2.254");
  EXPECT_EQ(fib_.outer_way(1)->rule->priority, 32766U);
  // What is not by default counts.
  route("203.0.113.0/24", kWan2, "198.51.100.9");
  EXPECT_EQ(via(1), "198.51.100.9");
  EXPECT_EQ(fib_.outer_way(1)->rule->priority, 32764U);
  // Another tunnel's packets go by a table whose only route leads into wg0, which has no peer
  // there.
  fib_.apply(RouteGone{make_route("203.0.113.0/24", kWan2, "198.51.100.9")});
  fib_.set_mark(1, 6);
  EXPECT_EQ(via(2), "");
  // Both concern packets without a mark, which are not routed by them.
  EXPECT_THAT(not_followed(),
              testing::ElementsAre(testing::Pair(32764, testing::HasSubstr("all others")),
                                   testing::Pair(32765, testing::HasSubstr("all others"))));
}

TEST_F(MarksTest, RulesAndRoutesThatRefuse) {
  mark_by_100();
  for (const auto action : {PolicyRule::Action::blackhole, PolicyRule::Action::unreachable,
                            PolicyRule::Action::prohibit}) {
    fib_.apply(refusing(action));
    EXPECT_EQ(via(1), "");
    EXPECT_NE(fib_.outer_way(1)->refusal, "");
    EXPECT_EQ(fib_.outer_way(1)->rule->priority, 50U);
    fib_.apply(PolicyRuleGone{refusing(action)});
    EXPECT_EQ(via(1), "198.51.100.254");
  }
  for (const auto action : {PolicyRule::Action::none, PolicyRule::Action::not_supported}) {
    fib_.apply(refusing(action));
    EXPECT_EQ(via(1), "198.51.100.254");
  }
  EXPECT_THAT(not_followed(), testing::ElementsAre(testing::Pair(50, testing::HasSubstr("goto"))));
  KernelRoute refuses = of(100, "203.0.113.0/25", 0, "");
  refuses.type = RouteType::unreachable;
  fib_.apply(RouteAdded{refuses});
  EXPECT_EQ(via(1), "");
  EXPECT_EQ(fib_.outer_way(1)->refusal, "unreachable");
  // It is not suppressed, as a route to somewhere is.
  fib_.apply(PolicyRuleGone{rule(100, 100, 5, UINT32_MAX)});
  fib_.apply(suppressing(rule(100, 100, 5, UINT32_MAX), 32));
  EXPECT_EQ(via(1), "");
  fib_.apply(RouteGone{refuses});
  EXPECT_EQ(via(1), "192.0.2.254");
  // `throw`: the next rule.
  fib_.apply(PolicyRuleGone{suppressing(rule(100, 100, 5, UINT32_MAX), 32)});
  fib_.apply(rule(100, 100, 5, UINT32_MAX));
  EXPECT_EQ(via(1), "198.51.100.254");
  refuses.type = RouteType::none;
  fib_.apply(RouteAdded{refuses});
  EXPECT_EQ(via(1), "192.0.2.254");
}

TEST_F(MarksTest, EqualPrioritiesByAge) {
  known(RT_TABLE_LOCAL);
  known(RT_TABLE_DEFAULT);
  fib_.set_mark(0, 5);
  for (const std::uint32_t table : {200U, 100U}) {
    route_of(table, "0.0.0.0/0", kWan2, table == 100 ? "198.51.100.100" : "198.51.100.200");
    known(table);
    fib_.apply(rule(7, table, 5, UINT32_MAX));
  }
  EXPECT_EQ(via(1), "198.51.100.200");
  fib_.apply(PolicyRuleGone{rule(7, 200, 5, UINT32_MAX)});
  fib_.apply(rule(7, 200, 5, UINT32_MAX));
  EXPECT_EQ(via(1), "198.51.100.100");
}

// Of part of a table nothing is known: what was before holds.
TEST_F(MarksTest, RulesWaitForTheirTables) {
  mark_by_100();
  EXPECT_EQ(via(1), "198.51.100.254");
  fib_.apply(rule(90, 90, 5, UINT32_MAX));
  KernelRoute refuses = of(90, "0.0.0.0/0", 0, "");
  refuses.type = RouteType::blackhole;
  fib_.apply(RouteAdded{refuses});
  EXPECT_EQ(via(1), "198.51.100.254");
  route_of(90, "203.0.113.0/24", kWan2, "198.51.100.90");
  EXPECT_EQ(via(1), "198.51.100.254");
  known(90);
  EXPECT_EQ(via(1), "198.51.100.90");
  // The same with another mark.
  fib_.apply(rule(80, 80, 6, UINT32_MAX));
  fib_.set_mark(0, 6);
  EXPECT_EQ(via(1), "198.51.100.90");
  known(80);
  EXPECT_EQ(via(1), "192.0.2.254");
}

// Four packets at most wait for a next hop that is not known: here none has to.
TEST_F(MarksTest, PacketsGoAsBeforeUntilTheNextHopIsKnown) {
  neighbour(kWan, "192.0.2.254", Reachability::reachable);
  flush();
  mark_by_100();
  EXPECT_EQ(via(1), "192.0.2.254");
  EXPECT_THAT(asked_, testing::Contains(testing::Pair(2, ip("198.51.100.254"))));
  now_ += 100 * kMillisecond;
  EXPECT_EQ(via(1), "192.0.2.254");
  (void)fib_.take_changed_endpoints();
  neighbour(kWan2, "198.51.100.254", Reachability::reachable);
  EXPECT_EQ(via(1), "198.51.100.254");
  EXPECT_THAT(fib_.take_changed_endpoints(), testing::ElementsAre(1));
  // Back again: that one is still known.
  fib_.set_mark(0, 0);
  EXPECT_EQ(via(1), "192.0.2.254");
  // One that never answers is not waited for.
  route_of(100, "203.0.113.9/32", kWan2, "198.51.100.77");
  fib_.set_mark(0, 5);
  EXPECT_EQ(via(1), "192.0.2.254");
  now_ += 999 * kMillisecond;
  EXPECT_EQ(via(1), "192.0.2.254");
  now_ += kMillisecond;
  EXPECT_EQ(via(1), "198.51.100.77");
  // Nor is a way kept that is gone, or that nobody may take.
  fib_.set_mark(0, 0);
  EXPECT_EQ(via(1), "192.0.2.254");
  fib_.set_mark(0, 5);
  EXPECT_EQ(via(1), "192.0.2.254");
  neighbour(kWan, "192.0.2.254", Reachability::failed);
  EXPECT_EQ(via(1), "198.51.100.77");
  neighbour(kWan, "192.0.2.254", Reachability::reachable);
  fib_.set_mark(0, 0);
  EXPECT_EQ(via(1), "192.0.2.254");
  fib_.set_mark(0, 5);
  fib_.apply(refusing(PolicyRule::Action::blackhole));
  EXPECT_EQ(via(1), "");
}

TEST_F(MarksTest, EachFamilyHasItsRules) {
  mark_by_100();
  fib_.set_endpoint(0, 3, ip("2001:db8:9::9"));
  EXPECT_EQ(via(3), "2001:db8::fe");
  fib_.apply(rule(100, 100, 5, UINT32_MAX, Family::ipv6));
  route_of(100, "::/0", kWan2, "2001:db8:2::fe");
  EXPECT_EQ(via(3), "2001:db8::fe");
  for (const std::uint32_t table :
       {100U, std::uint32_t{RT_TABLE_LOCAL}, std::uint32_t{RT_TABLE_DEFAULT}}) {
    known(table, Family::ipv6);
  }
  EXPECT_EQ(via(3), "2001:db8:2::fe");
  EXPECT_EQ(fib_.endpoint(3)->local, ip("2001:db8:2::1"));
  EXPECT_EQ(via(1), "198.51.100.254");
}

// A provider drops what has another's address.
TEST_F(MarksTest, TheSourceIsAnAddressOfThePortThatTheRulesSay) {
  fib_.set_endpoint(0, 1, ip("203.0.113.9"), ip("192.0.2.1"));
  fib_.set_endpoint(1, 2, ip("203.0.113.9"), ip("198.51.100.1"));
  mark_by_100();
  EXPECT_EQ(via(1), "198.51.100.254");
  EXPECT_EQ(fib_.endpoint(1)->local, ip("198.51.100.1"));
  // The peer has not heard of it yet.
  fib_.set_endpoint(0, 1, ip("203.0.113.9"), ip("192.0.2.1"));
  EXPECT_EQ(fib_.endpoint(1)->local, ip("198.51.100.1"));
  fib_.set_endpoint(0, 1, ip("203.0.113.9"), ip("10.1.0.1"));
  EXPECT_EQ(fib_.endpoint(1)->local, ip("10.1.0.1")) << "of no network outside";
  // The same when it goes back.
  fib_.set_endpoint(0, 1, ip("203.0.113.9"), ip("198.51.100.1"));
  fib_.set_mark(0, 0);
  EXPECT_EQ(via(1), "192.0.2.254");
  EXPECT_EQ(fib_.endpoint(1)->local, ip("192.0.2.1"));
  fib_.set_endpoint(0, 1, ip("203.0.113.9"), ip("198.51.100.1"));
  EXPECT_EQ(fib_.endpoint(1)->local, ip("192.0.2.1"));
  // A tunnel that never had a mark answers by the address that the peer knows.
  EXPECT_EQ(via(2), "192.0.2.254");
  EXPECT_EQ(fib_.endpoint(2)->local, ip("198.51.100.1"));
}

TEST_F(MarksTest, WhatIsNotFollowedIsSaidWithItsReason) {
  EXPECT_THAT(not_followed(), testing::IsEmpty()) << "the kernel's own";
  fib_.apply(rule(100, 100, 5, UINT32_MAX));
  EXPECT_THAT(not_followed(),
              testing::ElementsAre(testing::Pair(100, testing::HasSubstr("no tunnel has"))));
  fib_.set_mark(0, 5);
  EXPECT_THAT(not_followed(), testing::IsEmpty());
  PolicyRule of_some = rule(101, 100, 5, UINT32_MAX);
  of_some.supported = false;
  fib_.apply(of_some);
  fib_.apply(rule(102, 100));
  EXPECT_THAT(not_followed(),
              testing::ElementsAre(testing::Pair(101, testing::HasSubstr("main table alone")),
                                   testing::Pair(102, testing::HasSubstr("all others"))));
  fib_.set_mark(0, 0);
  EXPECT_THAT(not_followed(),
              testing::ElementsAre(testing::Pair(100, testing::HasSubstr("no tunnel has")),
                                   testing::Pair(101, testing::HasSubstr("main table alone")),
                                   testing::Pair(102, testing::HasSubstr("without a mark"))));
}

TEST_F(MarksTest, MoreTablesThanAreFollowedRefuse) {
  fib_.set_mark(0, 5);
  for (std::uint32_t i = 0; i <= kMaxTables; ++i) {
    PolicyRule one = rule(1000 + i, 1000 + i, 5, UINT32_MAX);
    one.to = net("203.0.113.9/32");
    fib_.apply(one);
    if (i < kMaxTables) {
      known(1000 + i);
    }
  }
  known(RT_TABLE_LOCAL);
  known(RT_TABLE_DEFAULT);
  // local and default are among them.
  EXPECT_EQ(via(1), "");
  EXPECT_EQ(fib_.outer_way(1)->refusal, "not followed");
  EXPECT_EQ(not_followed().size(), 3U);
  fib_.set_endpoint(0, 1, ip("203.0.113.8"));
  EXPECT_EQ(via(1), "192.0.2.254") << "none of them is for it";
}

}  // namespace
}  // namespace gotthard::route::test
