// How the buckets of a group are dealt out.
#include "dataplane/table/hop_group.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "base/rendezvous.h"

namespace gotthard::dataplane {
namespace {

std::vector<GroupMember> members_of(const std::vector<std::uint16_t>& weights,
                                    std::uint64_t salt = 0) {
  std::vector<GroupMember> members;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    members.push_back({.next_hop = static_cast<std::uint32_t>(10 + i),
                       .seed = RendezvousHash().add(salt * 1000 + i, 8).value(),
                       .weight = weights[i]});
  }
  return members;
}

std::vector<std::uint16_t> dealt(const std::vector<GroupMember>& members) {
  const auto group = std::make_unique<HopGroup>();
  fill(group.get(), members);
  EXPECT_EQ(group->count, members.size());
  std::vector<std::uint16_t> result;
  for (std::uint32_t bucket = 0; bucket < kGroupBuckets; ++bucket) {
    result.push_back(group->of_flow(bucket << 16));
  }
  return result;
}

// Of all salts together: one group has the luck of its 512 buckets.
TEST(HopGroup, MembersHaveTheirShares) {
  const std::vector<std::uint16_t> weights{1, 1, 2, 4};
  std::map<std::uint16_t, double> share;
  constexpr int kSalts = 50;
  for (std::uint64_t salt = 0; salt < kSalts; ++salt) {
    for (const std::uint16_t next_hop : dealt(members_of(weights, salt))) {
      share[next_hop] += 1.0 / (kSalts * kGroupBuckets);
    }
  }
  for (std::size_t i = 0; i < weights.size(); ++i) {
    EXPECT_NEAR(share[static_cast<std::uint16_t>(10 + i)], weights[i] / 8.0, 0.01);
  }
  for (std::uint64_t salt = 0; salt < kSalts; ++salt) {
    const auto buckets = dealt(members_of({1, 1}, salt));
    EXPECT_NEAR(static_cast<double>(std::ranges::count(buckets, 10)), kGroupBuckets / 2.0, 60);
  }
}

TEST(HopGroup, ALostMemberLeavesTheOthersAlone) {
  for (std::size_t size = 2; size <= abi::kMaxGroupHops; size += 3) {
    auto members = members_of(std::vector<std::uint16_t>(size, 3), size);
    const auto whole = dealt(members);
    for (GroupMember& lost : members) {
      lost.alive = false;
      const auto without = dealt(members);
      for (std::size_t bucket = 0; bucket < kGroupBuckets; ++bucket) {
        ASSERT_NE(without[bucket], lost.next_hop);
        ASSERT_TRUE(whole[bucket] == lost.next_hop || whole[bucket] == without[bucket]);
      }
      lost.alive = true;
    }
    EXPECT_EQ(dealt(members), whole) << "what comes back takes its own again";
    // A route that has one way less is as a group that has lost it.
    auto fewer = members;
    fewer.pop_back();
    members.back().alive = false;
    EXPECT_EQ(dealt(fewer), dealt(members));
  }
}

TEST(HopGroup, NumbersAndOrderDoNotMatter) {
  const auto members = members_of({5, 1, 2});
  auto renumbered = members;
  std::ranges::reverse(renumbered);
  for (GroupMember& member : renumbered) {
    member.next_hop += 100;
  }
  auto expected = dealt(members);
  for (std::uint16_t& next_hop : expected) {
    next_hop = static_cast<std::uint16_t>(next_hop + 100);
  }
  EXPECT_EQ(dealt(renumbered), expected);
}

TEST(HopGroup, WithoutAnyLivingMemberAllAreTakenForIt) {
  auto members = members_of({1, 2, 3});
  const auto whole = dealt(members);
  for (GroupMember& member : members) {
    member.alive = false;
  }
  EXPECT_EQ(dealt(members), whole);
  EXPECT_EQ(dealt(members_of({7})), std::vector<std::uint16_t>(kGroupBuckets, 10));
}

}  // namespace
}  // namespace gotthard::dataplane
