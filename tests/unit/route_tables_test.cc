// Tables beside main, which the netlink follower follows when rules name them for a mark.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "tests/unit/route_follower.h"

namespace gotthard::route::test {
namespace {

class TablesTest : public NetlinkFollowerTest {
 protected:
  static Bytes marked(std::uint32_t table, std::uint16_t type = RTM_NEWRULE, std::uint32_t mark = 5,
                      std::uint32_t priority = 100) {
    return rule_message(AF_INET, priority, table, type, {attribute(FRA_FWMARK, raw(mark))});
  }
  static Bytes route_of(std::uint32_t table, const char* destination,
                        std::uint16_t type = RTM_NEWROUTE) {
    return route_message(destination, 16, 3, {attribute(RTA_TABLE, raw(table))}, type);
  }
  std::size_t routes_of(std::uint32_t table) {
    return static_cast<std::size_t>(std::ranges::count(view_.routes, table, &KernelRoute::table));
  }
};

// The kernel puts a new one behind those of its priority.
TEST_F(TablesTest, RulesOfOnePriorityAreToldInTheKernelsOrder) {
  synchronise();
  const auto asked = requests_.size();
  tell({rule_message(AF_INET, 5, 9), rule_message(AF_INET, 5, 8), rule_message(AF_INET, 5, 7)});
  EXPECT_THAT(rule_tables(), testing::ElementsAre(RT_TABLE_MAIN, 9, 8, 7));
  EXPECT_EQ(requests_.size(), asked) << "no mark is by these tables";
  // Meanwhile 9 has been taken away and put back, unheard.
  follower_.when_heard(now_, [] {});
  answer({rule_message(AF_INET, 5, 8), rule_message(AF_INET, 5, 7), rule_message(AF_INET, 5, 9),
          rule_message(AF_INET, 32766, RT_TABLE_MAIN)});
  EXPECT_THAT(rule_tables(), testing::ElementsAre(RT_TABLE_MAIN, 8, 7, 9));
  int told = 0;
  follower_.when_heard(now_, [&] { ++told; });
  answer({rule_message(AF_INET, 5, 8), rule_message(AF_INET, 5, 7), rule_message(AF_INET, 5, 9),
          rule_message(AF_INET, 32766, RT_TABLE_MAIN)});
  EXPECT_EQ(told, 1);
  EXPECT_THAT(rule_tables(), testing::ElementsAre(RT_TABLE_MAIN, 8, 7, 9));
}

TEST_F(TablesTest, ATableOfAMarkIsDumpedFollowedAndLeft) {
  synchronise();
  follower_.set_marks({5}, now_);
  const auto asked = requests_.size();
  tell({route_of(1000, "10.3.0.0")});
  EXPECT_EQ(routes_of(1000), 0U) << "no rule names it";
  tell({marked(1000)});
  ASSERT_EQ(requests_.size(), asked + 1);
  EXPECT_EQ(table_, 1000U);
  tell({route_of(1000, "10.4.0.0")});  // while it is dumped
  EXPECT_TRUE(view_.tables.empty());
  answer({route_of(1000, "10.3.0.0"), route_of(1000, "10.4.0.0"), route_of(2000, "10.5.0.0")});
  EXPECT_THAT(view_.tables, testing::ElementsAre(std::pair(abi::Family::ipv4, 1000U)));
  EXPECT_EQ(routes_of(1000), 2U);
  EXPECT_EQ(routes_of(2000), 0U);
  tell({route_of(1000, "10.4.0.0", RTM_DELROUTE), route_of(1000, "10.6.0.0"),
        route_of(1000, "10.7.0.0")});
  EXPECT_EQ(routes_of(1000), 3U);
  EXPECT_EQ(requests_.size(), asked + 1);
  // Its routes go without a word each when a link goes: they are dumped as main's are.
  tell({link_message(5, "wg0", 0)});
  follower_.on_time(now_ += kSecond);
  answer({});  // next hops
  answer({route_message("192.0.2.0", 24, 3)});
  EXPECT_EQ(table_, 1000U);
  answer({route_of(1000, "10.6.0.0")});
  answer({});
  EXPECT_EQ(routes_of(1000), 1U);
  EXPECT_EQ(view_.routes.size(), 2U);
  tell({marked(1000, RTM_DELRULE)});
  EXPECT_EQ(routes_of(1000), 0U);
  EXPECT_TRUE(view_.tables.empty());
  tell({route_of(1000, "10.3.0.0")});
  EXPECT_EQ(view_.routes.size(), 1U);
}

TEST_F(TablesTest, AnotherMarkHasOtherTables) {
  synchronise();
  tell({marked(1000), marked(2000, RTM_NEWRULE, 6)});
  follower_.set_marks({5}, now_);
  EXPECT_EQ(table_, 1000U);
  answer({route_of(1000, "10.3.0.0")});
  follower_.set_marks({6}, now_);
  EXPECT_EQ(table_, 2000U);
  EXPECT_EQ(routes_of(1000), 1U) << "left before the new one is known";
  answer({route_of(2000, "10.3.0.0")});
  EXPECT_THAT(view_.tables, testing::ElementsAre(std::pair(abi::Family::ipv4, 2000U)));
  EXPECT_EQ(routes_of(1000), 0U);
  EXPECT_EQ(routes_of(2000), 1U);
  follower_.set_marks({}, now_);
  EXPECT_TRUE(view_.tables.empty());
  EXPECT_EQ(view_.routes.size(), 2U);
}

TEST_F(TablesTest, ATableThatIsNotThereIsKnownToBeEmpty) {
  synchronise();
  follower_.set_marks({5}, now_);
  tell({marked(1000)});
  tell({message(NLMSG_ERROR, nlmsgerr{-ENOENT, {}}, {}, 0, requests_.back().nlmsg_seq)});
  EXPECT_EQ(view_.tables.size(), 1U);
  tell({route_of(1000, "10.3.0.0")});
  EXPECT_EQ(routes_of(1000), 1U);
}

// A control that is started anew must not route by less than there is.
TEST_F(TablesTest, TheFirstRoundHasTheTablesOfAllMarks) {
  follower_.set_marks({5, 6}, now_);
  follower_.start(now_);
  answer({});
  answer({});
  answer({marked(1000), marked(2000, RTM_NEWRULE, 6), marked(3000, RTM_NEWRULE, 7),
          rule_message(AF_INET, 32766, RT_TABLE_MAIN)});
  answer({});
  std::vector<std::uint32_t> asked;
  for (int i = 0; i < 4; ++i) {
    asked.push_back(table_);
    EXPECT_FALSE(follower_.synchronised());
    answer({});
  }
  EXPECT_THAT(asked, testing::ElementsAre(kMainTable, 1000, 2000, kMainTable));
  EXPECT_EQ(view_.tables.size(), 2U);
  answer({});
  EXPECT_TRUE(follower_.synchronised());
}

TEST_F(TablesTest, AnOverrunDumpsTheTablesToo) {
  synchronise();
  follower_.set_marks({5}, now_);
  tell({marked(1000)});
  answer({route_of(1000, "10.3.0.0"), route_of(1000, "10.4.0.0")});
  follower_.on_overrun(now_);
  answer({});
  answer({});
  // Another rule has come, unheard.
  answer({marked(1000), marked(1001)});
  answer({});
  answer({});
  EXPECT_EQ(table_, 1000U);
  answer({route_of(1000, "10.4.0.0")});
  EXPECT_EQ(table_, 1001U);
  answer({route_of(1001, "10.4.0.0")});
  EXPECT_EQ(view_.synchronised, 1);
  answer({});
  answer({});
  EXPECT_EQ(view_.synchronised, 2);
  EXPECT_EQ(view_.routes.size(), 2U);
  EXPECT_EQ(view_.tables.size(), 2U);
}

TEST_F(TablesTest, MoreTablesThanAreFollowedAreLeftOut) {
  synchronise();
  follower_.set_marks({5}, now_);
  std::vector<Bytes> rules;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    rules.push_back(marked(1000 + i));
  }
  tell(rules);
  for (int i = 0; i < 64; ++i) {
    answer({});
  }
  EXPECT_EQ(view_.tables.size(), 64U);
  EXPECT_EQ(view_.tables.rbegin()->second, 1063U);
}

}  // namespace
}  // namespace gotthard::route::test
