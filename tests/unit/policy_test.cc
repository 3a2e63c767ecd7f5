// The tree of rules against going through them one by one.
#include "dataplane/table/policy.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <random>

namespace gotthard::dataplane {
namespace {

using wire::SelectorKey;
using wire::SelectorNumber;

const PolicyRule* first_that_fits(const std::vector<PolicyRule>& rules, const SelectorKey& key) {
  for (const PolicyRule& rule : rules) {
    if (rule.family == key.family && rule.fits(key.numbers)) {
      return &rule;
    }
  }
  return nullptr;
}

std::uint32_t peer_of(const PolicyRule* rule) { return rule == nullptr ? 0 : rule->peer; }

PolicyRange around(std::mt19937* random, std::uint32_t most) {
  std::uniform_int_distribution<std::uint32_t> any(0, most);
  switch ((*random)() % 4) {
    case 0:
      return {.first = 0, .last = most};
    case 1: {
      const std::uint32_t one = any(*random);
      return {.first = one, .last = one};
    }
    default: {
      const std::uint32_t a = any(*random);
      const std::uint32_t b = any(*random);
      return {.first = std::min(a, b), .last = std::max(a, b)};
    }
  }
}

// Few values, so that rules cross, nest and repeat each other.
RC_GTEST_PROP(Policy, IsTheFirstRuleThatFits, (unsigned seed)) {
  std::mt19937 random(seed);
  constexpr std::array<std::uint32_t, wire::kSelectorFields> kMost = {60, 40, 12, 12, 5};
  std::vector<PolicyRule> rules(random() % 200);
  for (std::uint32_t i = 0; i < rules.size(); ++i) {
    rules[i].family = random() % 4 == 0 ? wire::Family::ipv6 : wire::Family::ipv4;
    rules[i].peer = i + 1;
    for (std::size_t field = 0; field < kMost.size(); ++field) {
      rules[i].ranges[field] = around(&random, kMost[field]);
    }
    if (random() % 8 == 0) {
      rules[i].ranges[0] = {.first = 3, .last = ~SelectorNumber{0}};
    }
  }
  const PolicyTable table(rules);
  for (int n = 0; n < 500; ++n) {
    SelectorKey key{.family = n % 3 == 0 ? wire::Family::ipv6 : wire::Family::ipv4};
    for (std::size_t field = 0; field < kMost.size(); ++field) {
      key.numbers[field] = random() % (kMost[field] + 2);
    }
    RC_ASSERT(peer_of(table.match(key)) == peer_of(first_that_fits(rules, key)));
  }
}

PolicyRule rule_of(SelectorNumber remote, SelectorNumber local, std::uint32_t peer) {
  PolicyRule rule{.family = wire::Family::ipv4, .ranges = {}, .peer = peer};
  rule.ranges[0] = {.first = remote, .last = remote + 255};
  rule.ranges[1] = {.first = local, .last = local + 255};
  rule.ranges[2] = rule.ranges[3] = {.first = 0, .last = wire::kNoPort};
  rule.ranges[4] = {.first = 0, .last = wire::kNoProtocol};
  return rule;
}

// Few rules, of addresses alone or not: a packet is matched as its key is.
RC_GTEST_PROP(Policy, APacketIsWhatItsKeyIs, (unsigned seed)) {
  constexpr std::uint32_t kSome = 40;
  std::mt19937 random(seed);
  std::vector<PolicyRule> rules(random() % 10);
  const bool ports = random() % 4 == 0;
  for (std::uint32_t i = 0; i < rules.size(); ++i) {
    rules[i].family = random() % 4 == 0 ? wire::Family::ipv6 : wire::Family::ipv4;
    rules[i].peer = i + 1;
    rules[i].ranges = {around(&random, kSome), around(&random, kSome),
                       PolicyRange{.first = 0, .last = ports ? kSome : wire::kNoPort},
                       PolicyRange{.first = 0, .last = wire::kNoPort},
                       PolicyRange{.first = 0, .last = wire::kNoProtocol}};
    if (random() % 8 == 0) {
      rules[i].ranges[random() % 2] = {.first = 3, .last = UINT32_MAX};
    }
    if (random() % 16 == 0) {
      rules[i].ranges[random() % 2] = {.first = 7, .last = 3};  // nothing
    }
  }
  const PolicyTable table(rules);
  for (std::uint32_t n = 0; n < 200; ++n) {
    std::array<std::byte, sizeof(wire::Ipv4Header) + 4> packet{};
    auto* ip = reinterpret_cast<wire::Ipv4Header*>(packet.data());
    ip->version_ihl = 0x45;
    ip->protocol = n % 2 == 0 ? 6 : 47;
    ip->source.set(n % 16 == 0 ? UINT32_MAX : random() % (kSome + 2));
    ip->destination.set(random() % (kSome + 2));
    for (const auto direction : {wire::Direction::outbound, wire::Direction::inbound}) {
      const SelectorKey key = wire::selector_key(packet, wire::Family::ipv4, direction);
      RC_ASSERT(peer_of(table.match(packet, wire::Family::ipv4, direction)) ==
                peer_of(first_that_fits(rules, key)));
    }
  }
}

// Children that differ by destination, by source, or by port: nobody goes through all of them.
TEST(Policy, TenThousandChildrenWithoutAScan) {
  constexpr std::uint32_t kChildren = 10'000;
  for (const int by : {0, 1, 2}) {
    std::vector<PolicyRule> rules;
    for (std::uint32_t i = 0; i < kChildren; ++i) {
      PolicyRule rule = rule_of(by == 0 ? 0x0a000000 + i * 256 : 0x0a000000,
                                by == 1 ? 0xac000000 + i * 256 : 0xac000000, i + 1);
      if (by == 2) {
        rule.ranges[3] = {.first = i, .last = i};
      }
      rules.push_back(rule);
    }
    const PolicyTable table(rules);
    EXPECT_LE(table.longest_leaf(), 8U);
    EXPECT_LE(table.nodes(), 3 * kChildren);
    for (std::uint32_t i = 0; i < kChildren; ++i) {
      SelectorKey key{.family = wire::Family::ipv4};
      key.numbers = {rules[i].ranges[0].first + 7, rules[i].ranges[1].first + 9, 5, i, 6};
      ASSERT_EQ(peer_of(table.match(key)), i + 1) << by;
    }
  }
}

TEST(Policy, NothingFitsAnEmptyOne) {
  const PolicyTable table({});
  EXPECT_EQ(table.match({.family = wire::Family::ipv4}), nullptr);
  EXPECT_EQ(table.match({.family = wire::Family::ipv6}), nullptr);
}

// Rules that nest without end have a tree that ends.
TEST(Policy, TheTreeIsBounded) {
  std::vector<PolicyRule> rules;
  for (std::uint32_t i = 0; i < 3000; ++i) {
    PolicyRule rule = rule_of(0, 0, i + 1);
    for (std::size_t field = 0; field < 4; ++field) {
      rule.ranges[field] = {.first = i, .last = 10'000 - i};
    }
    rules.push_back(rule);
  }
  const PolicyTable table(rules);
  EXPECT_LT(table.nodes(), 8'000'000U);
  SelectorKey key{.family = wire::Family::ipv4, .numbers = {2500, 2500, 2500, 2500, 6}};
  EXPECT_EQ(peer_of(table.match(key)), 1U);
}

}  // namespace
}  // namespace gotthard::dataplane
