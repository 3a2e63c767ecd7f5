// The netlink parser on constructed policy rules, and on routes of tables that they name.
#include <gtest/gtest.h>

#include <tuple>

#include "tests/unit/route_messages.h"

namespace gotthard::route::test {
namespace {

TEST(NetlinkParser, PolicyRules) {
  const auto rule = [](std::uint32_t priority, std::uint32_t table, const char* text) {
    PolicyRule result;
    result.priority = priority;
    result.table = table;
    result.text = text;
    return result;
  };
  for (const auto& [priority, table, text] :
       {std::tuple{0U, RT_TABLE_LOCAL, "from all lookup local"},
        {32766U, RT_TABLE_MAIN, "from all lookup main"},
        {32767U, RT_TABLE_DEFAULT, "from all lookup default"},
        {100U, RT_TABLE_COMPAT, "from all lookup 252"},
        {100U, RT_TABLE_UNSPEC, "from all lookup 0"}}) {
    EXPECT_EQ(parse(rule_message(AF_INET, priority, table)),
              ParsedMessage(rule(priority, table, text)));
  }
  const auto mark = [](std::uint32_t value) { return attribute(FRA_FWMARK, raw(value)); };
  const auto mask = [](std::uint32_t value) { return attribute(FRA_FWMASK, raw(value)); };
  // Selectors that are not followed are said to be there.
  PolicyRule expected = rule(100, RT_TABLE_MAIN, "iif lan fwmark 0x5/0xff lookup main");
  expected.supported = false;
  expected.mark = 5;
  expected.mask = 0xff;
  EXPECT_EQ(parse(rule_message(AF_INET, 100, RT_TABLE_MAIN, RTM_NEWRULE,
                               {mark(5), mask(0xff), attribute(FRA_IIFNAME, name("lan"))})),
            ParsedMessage(expected));
  expected = rule(7, 1000, "fwmark 0x5/0xffffffff lookup 1000");
  expected.mark = 5;
  expected.mask = UINT32_MAX;
  EXPECT_EQ(parse(rule_message(AF_INET, 7, 1000, RTM_NEWRULE, {mark(5)})), ParsedMessage(expected));
  EXPECT_EQ(parse(rule_message(AF_INET, 7, 1000, RTM_NEWRULE, {mark(5), mask(UINT32_MAX)})),
            ParsedMessage(expected));
  EXPECT_EQ(parse(rule_message(AF_INET, 7, 1000, RTM_DELRULE, {mark(5), mask(UINT32_MAX)})),
            ParsedMessage(PolicyRuleGone{expected}));
  // Selectors of a kernel that is newer than these headers.
  expected.supported = false;
  expected.text = "fwmark 0x5/0xffffffff and selectors that are not known lookup 1000";
  EXPECT_EQ(parse(rule_message(AF_INET, 7, 1000, RTM_NEWRULE,
                               {mark(5), attribute(FRA_MAX + 1, raw(std::uint8_t{4}))})),
            ParsedMessage(expected));
  // As wg-quick makes it; -1 is none.
  for (const auto& [value, suppress, text] :
       {std::tuple{0U, 0, "from all suppress_prefixlength 0 lookup main"},
        {16U, 16, "from all suppress_prefixlength 16 lookup main"},
        {4000U, 255, "from all suppress_prefixlength 4000 lookup main"},
        {UINT32_MAX, -1, "from all lookup main"}}) {
    expected = rule(9, RT_TABLE_MAIN, text);
    expected.suppress = suppress;
    EXPECT_EQ(parse(rule_message(AF_INET, 9, RT_TABLE_MAIN, RTM_NEWRULE,
                                 {attribute(FRA_SUPPRESS_PREFIXLEN, raw(value))})),
              ParsedMessage(expected));
  }
  EXPECT_EQ(parse(rule_message(128, 9, 7)), ParsedMessage(Ignored::irrelevant)) << "multicast's";
  fib_rule_hdr body{};
  body.family = AF_INET6;
  body.dst_len = 32;
  body.flags = FIB_RULE_INVERT;
  body.action = FR_ACT_PROHIBIT;
  expected = rule(0, kMainTable, "not to 2001:db8::/32 prohibit");
  expected.family = abi::Family::ipv6;
  expected.inverted = true;
  expected.to = net("2001:db8::/32");
  expected.action = PolicyRule::Action::prohibit;
  EXPECT_EQ(parse(message(RTM_NEWRULE, body, {attribute(FRA_DST, raw_address("2001:db8::"))})),
            ParsedMessage(expected));
  EXPECT_EQ(parse(message(RTM_NEWRULE, body, {})), ParsedMessage(Ignored::malformed));
  body.dst_len = 129;
  EXPECT_EQ(parse(message(RTM_NEWRULE, body, {attribute(FRA_DST, raw_address("2001:db8::"))})),
            ParsedMessage(Ignored::malformed));
  body = {};
  body.family = AF_INET;
  body.action = FR_ACT_GOTO;
  expected = rule(3, kMainTable, "from all goto 77");
  expected.action = PolicyRule::Action::not_supported;
  EXPECT_EQ(parse(message(RTM_NEWRULE, body,
                          {attribute(FRA_PRIORITY, raw(std::uint32_t{3})),
                           attribute(FRA_GOTO, raw(std::uint32_t{77}))})),
            ParsedMessage(expected));
}

TEST(NetlinkParser, RoutesOfTablesThatAreFollowed) {
  const Bytes of_1000 = route_message("10.2.0.0", 16, 3, {attribute(RTA_TABLE, raw(1000U))});
  EXPECT_EQ(parse(of_1000), ParsedMessage(Ignored::irrelevant));
  FollowedTables tables;
  tables.others().insert({abi::Family::ipv4, 1000});
  const ParsedMessage parsed = parse(of_1000, tables);
  ASSERT_TRUE(std::holds_alternative<RouteMessage>(parsed));
  EXPECT_EQ(std::get<RouteMessage>(parsed).route.table, 1000U);
  EXPECT_EQ(parse(route_message("2001:db8::", 32, 3, {attribute(RTA_TABLE, raw(1000U))}), tables),
            ParsedMessage(Ignored::irrelevant));
  EXPECT_TRUE(std::holds_alternative<RouteMessage>(parse(route_message("10.2.0.0", 16, 3))));
}

}  // namespace
}  // namespace gotthard::route::test
