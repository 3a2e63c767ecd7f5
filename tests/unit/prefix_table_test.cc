// One copy of a table, and the pair of them that a reader is never kept waiting by: any prefixes,
// and no more memory than they need.
#include <gtest/gtest.h>

#include <cstring>
#include <deque>

#include "dataplane/table/fib.h"
#include "prefixes.h"

namespace gotthard::dataplane {
namespace {

using abi::Family;
using test::NaiveTable;
using test::Prefix;
using test::PrefixSource;

abi::Address ipv4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  return {.family = Family::ipv4, .bytes = {a, b, c, d}};
}

// What other tables get wrong: a default route over two prefixes that end the address space.
TEST(PrefixTable, DefaultRouteOverTheEndOfTheAddressSpace) {
  auto table = PrefixTable<Ipv4Prefixes>::create(16, -1);
  ASSERT_TRUE(table);
  const auto at = [&](std::uint32_t key) {
    std::uint64_t value = 0;
    (*table)->lookup(&key, &value, 1);
    return value;
  };
  (*table)->set(ipv4(224, 0, 0, 0), 4, 8);
  (*table)->set(ipv4(240, 0, 0, 0), 4, 9);
  (*table)->set(ipv4(0, 0, 0, 0), 0, 7);
  EXPECT_EQ(at(0xe0000001), 8U);
  EXPECT_EQ(at(0xffffffff), 9U);
  EXPECT_EQ(at(0x01020304), 7U);
}

// A single copy beside the plain match, which knows what covers what.
template <typename F>
class OneTable {
 public:
  explicit OneTable(std::size_t prefixes)
      : table_(std::move(*PrefixTable<F>::create(prefixes, -1))) {}

  void set(const Prefix& prefix, std::uint32_t value) {
    table_->set(prefix.first, prefix.second, value);
    present_.set(prefix, value);
  }
  void remove(const Prefix& prefix) {
    present_.remove(prefix);
    Covering covering;
    for (const auto& [other, value] : present_.prefixes()) {
      if (other.second < prefix.second && other.second > covering.length &&
          test::contains(other, prefix.first)) {
        covering = {.value = value, .length = other.second};
      }
    }
    table_->remove(prefix.first, prefix.second, covering);
  }
  std::uint64_t at(const abi::Address& address) const {
    typename F::Key key;
    if constexpr (F::kFamily == Family::ipv4) {
      std::memcpy(&key, address.bytes.data(), sizeof(key));
      key = __builtin_bswap32(key);
    } else {
      key.bytes = address.bytes;
    }
    std::uint64_t value = 0;
    table_->lookup(&key, &value, 1);
    return value;
  }
  void compare(PrefixSource* source) const {
    for (const auto& [prefix, value] : present_.prefixes()) {
      for (const bool ones : {false, true}) {
        const abi::Address address = test::with_host_bits(prefix, ones);
        ASSERT_EQ(at(address), present_.lookup(address));
        abi::Address beside = address;
        const auto bits = static_cast<unsigned>(test::bits_of(F::kFamily));
        for (const unsigned bit : {prefix.second > 0 ? prefix.second - 1U : 0U, bits - 1, 25U}) {
          test::set_bit(&beside, bit, !test::bit(beside, bit));
          ASSERT_EQ(at(beside), present_.lookup(beside));
        }
      }
    }
    for (int i = 0; i < 50; ++i) {
      const abi::Address address = source->address();
      ASSERT_EQ(at(address), present_.lookup(address));
    }
    // There are fewer groups than prefixes, and no more records than both.
    const std::size_t prefixes = present_.prefixes().size();
    ASSERT_LE(table_->groups_used(), prefixes);
    ASSERT_LE(table_->records_used(), 2 * prefixes);
  }
  [[nodiscard]] const NaiveTable& present() const { return present_; }
  [[nodiscard]] const PrefixTable<F>& table() const { return *table_; }

 private:
  std::unique_ptr<PrefixTable<F>> table_;
  NaiveTable present_;
};

// Prefixes that nest, touch and share long beginnings come, change and go in any order.
template <typename F>
void churn(std::uint64_t seed) {
  OneTable<F> one(120);
  PrefixSource source(F::kFamily, seed);
  std::vector<Prefix> order;
  for (int round = 0; round < 400; ++round) {
    const bool grow = order.size() < 100 && source.number(5) < (round % 100 < 60 ? 4U : 1U);
    if (grow || order.empty()) {
      Prefix prefix = source.prefix();
      if (!order.empty() && source.number(2) == 0) {  // like one that is there, but for a few bits
        prefix = order[source.number(order.size())];
        const auto bits = static_cast<unsigned>(test::bits_of(F::kFamily));
        prefix.second = static_cast<std::uint8_t>(24 + source.number(bits - 23));
        const auto at = static_cast<unsigned>(source.number(bits));
        test::set_bit(&prefix.first, at, !test::bit(prefix.first, at));
        prefix.first = test::with_host_bits(prefix, false);
      }
      if (one.present().prefixes().count(prefix) == 0) {
        order.push_back(prefix);
      }
      one.set(prefix, static_cast<std::uint32_t>(1 + source.number(4)));
    } else {
      const std::size_t at = source.number(order.size());
      one.remove(order[at]);
      order.erase(order.begin() + static_cast<std::ptrdiff_t>(at));
    }
    if (round % 4 == 0) {
      one.compare(&source);
      if (testing::Test::HasFatalFailure()) {
        FAIL() << "seed " << seed << " round " << round;
      }
    }
  }
  while (!order.empty()) {
    one.remove(order.back());
    order.pop_back();
  }
  EXPECT_EQ(one.table().groups_used(), 0U);
  EXPECT_EQ(one.table().records_used(), 0U);
}

TEST(PrefixTable, AnswersAsTheNaiveTableAndNeedsNoMoreRoomThanItsPrefixes) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    churn<Ipv4Prefixes>(seed);
    churn<Ipv6Prefixes>(seed);
    if (testing::Test::HasFailure()) {
      return;
    }
  }
}

abi::Address ipv6(std::uint64_t high, std::uint64_t low) {
  abi::Address address{.family = Family::ipv6, .bytes = {}};
  for (unsigned i = 0; i < 8; ++i) {
    address.bytes[i] = static_cast<std::uint8_t>(high >> (56 - 8 * i));
    address.bytes[8 + i] = static_cast<std::uint8_t>(low >> (56 - 8 * i));
  }
  return address;
}

// As many prefixes as a table was made for, however they lie: the worst that there are.
template <typename F>
void hold(const char* what, const std::vector<Prefix>& prefixes) {
  auto pair = std::move(*FibPair<F>::create("test", -1, static_cast<unsigned>(prefixes.size())));
  const auto commit = [&] {
    pair->close_batch();
    pair->begin_batch();
    std::size_t budget = SIZE_MAX;
    ASSERT_TRUE(pair->prepare(&budget));
    pair->swap();
    ASSERT_TRUE(pair->repeat(&budget));
  };
  const auto wrong = [&](auto value_of) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < prefixes.size(); ++i) {
      const abi::Address& address = prefixes[i].first;
      typename F::Key key;
      if constexpr (F::kFamily == Family::ipv4) {
        std::memcpy(&key, address.bytes.data(), sizeof(key));
        key = __builtin_bswap32(key);
      } else {
        key.bytes = address.bytes;
      }
      std::uint64_t value = 0;
      pair->lookup(&key, &value, 1);
      count += value == value_of(i) ? 0 : 1;
    }
    return count;
  };
  for (std::size_t i = 0; i < prefixes.size(); ++i) {
    ASSERT_TRUE(
        pair->set(prefixes[i].first, prefixes[i].second, static_cast<std::uint32_t>(1 + i % 50000)))
        << what << " " << i;
  }
  EXPECT_FALSE(
      pair->set(F::kFamily == Family::ipv4 ? ipv4(9, 9, 9, 9) : ipv6(9, 9), F::kBytes * 8, 1))
      << what << ": more than there is room for";
  commit();
  EXPECT_EQ(wrong([](std::size_t i) { return 1 + i % 50000; }), 0U) << what;
  for (std::size_t i = 0; i < prefixes.size(); i += 2) {
    pair->remove(prefixes[i].first, prefixes[i].second);
  }
  commit();
  EXPECT_EQ(wrong([](std::size_t i) { return i % 2 == 0 ? 0 : 1 + i % 50000; }), 0U) << what;
  for (std::size_t i = 0; i < prefixes.size(); i += 2) {
    ASSERT_TRUE(pair->set(prefixes[i].first, prefixes[i].second, 7)) << what;
  }
  commit();
  EXPECT_EQ(wrong([](std::size_t i) { return i % 2 == 0 ? 7 : 1 + i % 50000; }), 0U) << what;
}

TEST(FibPair, HoldsAnyPrefixes) {
  constexpr std::uint32_t kMany = 100000;
  std::vector<Prefix> apart4;
  std::vector<Prefix> apart6;
  std::vector<Prefix> twins6;
  std::uint64_t state = 1;
  for (std::uint32_t i = 0; i < kMany; ++i) {
    // Each in a /24 of its own.
    apart4.emplace_back(
        ipv4(static_cast<std::uint8_t>(11 + (i >> 16)), static_cast<std::uint8_t>(i >> 8),
             static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i * 7)),
        32);
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    apart6.emplace_back(ipv6(0xfd00000000000000 | state >> 8, state * 0x9e3779b97f4a7c15), 128);
    // Pairs that part in their last bit only.
    twins6.emplace_back(ipv6(0xfd00000000000000 | (i / 2), 2 + (i & 1)), 128);
  }
  hold<Ipv4Prefixes>("/32s in /24s of their own", apart4);
  hold<Ipv6Prefixes>("random /128s", apart6);
  hold<Ipv6Prefixes>("pairs of /128s", twins6);
}

}  // namespace
}  // namespace gotthard::dataplane
