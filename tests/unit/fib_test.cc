// The tables against the plainest longest-prefix match, through random changes, commits and
// resynchronisations.
#include "dataplane/table/fib.h"

#include <gtest/gtest.h>

#include <deque>

#include "prefixes.h"

namespace gotthard::dataplane {
namespace {

using abi::Family;
using abi::Table;
using test::NaiveTable;
using test::Prefix;
using test::PrefixSource;

class FibTest : public testing::TestWithParam<Family> {
 protected:
  void open(unsigned routes) {
    auto rcu = Rcu::create(1);
    ASSERT_TRUE(rcu);
    rcu_ = std::move(*rcu);
    auto tables = Tables::create(rcu_.get(), -1, routes);
    ASSERT_TRUE(tables);
    tables_ = std::move(*tables);
  }
  void settle() {
    for (int i = 0; tables_->busy(); ++i) {
      ASSERT_LT(i, 1000);
      tables_->poll();
    }
  }
  // Every edge of every prefix, the addresses beside it, and some at random.
  void compare(const NaiveTable& naive, PrefixSource* source) {
    const auto same = [&](const abi::Address& address) {
      ASSERT_EQ(tables_->lookup_one(Table::routes, address), naive.lookup(address));
      ASSERT_EQ(tables_->lookup_one(Table::sources, address), 0U);
    };
    for (const auto& [prefix, value] : naive.prefixes()) {
      same(test::with_host_bits(prefix, false));
      same(test::with_host_bits(prefix, true));
      if (prefix.second > 0) {
        Prefix beside = prefix;
        test::set_bit(&beside.first, prefix.second - 1U,
                      !test::bit(beside.first, prefix.second - 1U));
        same(test::with_host_bits(beside, false));
        same(test::with_host_bits(beside, true));
      }
    }
    for (int i = 0; i < 20; ++i) {
      same(source->address());
    }
  }

  std::unique_ptr<Rcu> rcu_;
  std::unique_ptr<Tables> tables_;
};

TEST_P(FibTest, AnswersAsTheNaiveTableThroughRandomChanges) {
  open(4096);
  PrefixSource source(GetParam(), 1);
  NaiveTable wanted;
  std::deque<Prefix> known;
  for (int round = 0; round < 300; ++round) {
    const bool grow = round % 100 < 60;
    const std::uint64_t changes = source.number(12);
    for (std::uint64_t i = 0; i < changes; ++i) {
      if (known.empty() || source.number(4) < (grow ? 3U : 1U)) {
        const Prefix prefix = source.prefix();
        // Few values: neighbours and parents with the same one are a case of their own.
        const auto value = static_cast<std::uint32_t>(1 + source.number(3));
        ASSERT_TRUE(tables_->set(Table::routes, prefix.first, prefix.second, value));
        wanted.set(prefix, value);
        known.push_back(prefix);
      } else {
        const std::size_t at = source.number(known.size());
        tables_->remove(Table::routes, known[at].first, known[at].second);
        wanted.remove(known[at]);
        known.erase(known.begin() + static_cast<std::ptrdiff_t>(at));
      }
    }
    tables_->commit();
    settle();
    ASSERT_EQ(tables_->size(Table::routes), wanted.prefixes().size());
    compare(wanted, &source);
  }
}

TEST_P(FibTest, ResyncRemovesWhatIsNotMentioned) {
  open(4096);
  PrefixSource source(GetParam(), 2);
  for (int round = 0; round < 20; ++round) {
    NaiveTable wanted;
    tables_->begin_resync();
    for (int i = 0; i < 50; ++i) {
      const Prefix prefix = source.prefix();
      const auto value = static_cast<std::uint32_t>(1 + source.number(3));
      ASSERT_TRUE(tables_->set(Table::routes, prefix.first, prefix.second, value));
      wanted.set(prefix, value);
    }
    tables_->end_resync();
    tables_->commit();
    settle();
    ASSERT_EQ(tables_->size(Table::routes), wanted.prefixes().size());
    compare(wanted, &source);
  }
}

TEST_P(FibTest, ChangesTakeEffectAtTheirOwnCommitOnly) {
  open(64);
  PrefixSource source(GetParam(), 3);
  const abi::Address address = source.address();
  const auto bits = static_cast<std::uint8_t>(test::bits_of(GetParam()));
  rcu_->online(0);
  ASSERT_TRUE(tables_->set(Table::routes, address, 0, 1));
  EXPECT_EQ(tables_->lookup_one(Table::routes, address), 0U);
  tables_->commit();
  EXPECT_EQ(tables_->lookup_one(Table::routes, address), 1U);
  EXPECT_TRUE(tables_->busy());  // the worker has not been quiescent

  ASSERT_TRUE(tables_->set(Table::routes, address, bits, 2));
  tables_->commit();
  tables_->remove(Table::routes, address, bits);  // belongs to no commit yet
  EXPECT_EQ(tables_->lookup_one(Table::routes, address), 1U);
  tables_->poll();
  EXPECT_EQ(tables_->lookup_one(Table::routes, address), 1U);
  rcu_->quiescent(0);
  tables_->poll();
  tables_->poll();
  EXPECT_EQ(tables_->lookup_one(Table::routes, address), 2U);
  EXPECT_TRUE(tables_->busy());
  rcu_->offline(0);
  settle();
  EXPECT_EQ(tables_->lookup_one(Table::routes, address), 2U);
  tables_->commit();
  settle();
  EXPECT_EQ(tables_->lookup_one(Table::routes, address), 1U);
  // Both copies are the same now: another swap changes nothing.
  ASSERT_TRUE(tables_->set(Table::sources, address, bits, 3));
  tables_->commit();
  settle();
  EXPECT_EQ(tables_->lookup_one(Table::routes, address), 1U);
  EXPECT_EQ(tables_->lookup_one(Table::sources, address), 3U);
}

TEST_P(FibTest, FullTableRefusesAndKeepsWhatItHas) {
  open(100);
  PrefixSource source(GetParam(), 4);
  NaiveTable wanted;
  int refused = 0;
  while (refused < 10) {
    const Prefix prefix = source.prefix();
    if (tables_->set(Table::routes, prefix.first, prefix.second, 7)) {
      wanted.set(prefix, 7);
    } else {
      ++refused;
    }
  }
  EXPECT_EQ(wanted.prefixes().size(), 100U);
  tables_->commit();
  settle();
  compare(wanted, &source);
  // One out, one in.
  const Prefix first = wanted.prefixes().begin()->first;
  tables_->remove(Table::routes, first.first, first.second);
  EXPECT_TRUE(tables_->set(Table::routes, first.first, first.second, 9));
  wanted.set(first, 9);
  tables_->commit();
  settle();
  compare(wanted, &source);
}

TEST_P(FibTest, RefusesWhatCannotBe) {
  open(16);
  const abi::Address address = PrefixSource(GetParam(), 5).address();
  const auto bits = static_cast<std::uint8_t>(test::bits_of(GetParam()));
  EXPECT_FALSE(tables_->set(Table::routes, address, bits, 0));
  EXPECT_FALSE(tables_->set(Table::routes, address, bits, abi::kMaxNextHops));
  EXPECT_FALSE(tables_->set(Table::routes, address, static_cast<std::uint8_t>(bits + 1), 1));
  EXPECT_FALSE(tables_->set(Table::routes, abi::Address{}, 0, 1));
  EXPECT_EQ(tables_->size(Table::routes), 0U);
}

// More than a slice of changes, in bursts larger than one.
TEST_P(FibTest, ManyPrefixes) {
  open(20000);
  const unsigned bytes = test::bits_of(GetParam()) / 8;
  std::vector<Prefix> prefixes;
  for (unsigned i = 0; i < 20000; ++i) {
    abi::Address address{.family = GetParam(), .bytes = {0x20, 0x01}};
    address.bytes[bytes - 2] = static_cast<std::uint8_t>(i >> 8);
    address.bytes[bytes - 1] = static_cast<std::uint8_t>(i);
    prefixes.emplace_back(address, static_cast<std::uint8_t>(8 * bytes));
    ASSERT_TRUE(tables_->set(Table::routes, address, prefixes.back().second, 1 + i % 30000));
  }
  tables_->commit();
  settle();
  for (unsigned i = 0; i < 20000; ++i) {
    ASSERT_EQ(tables_->lookup_one(Table::routes, prefixes[i].first), 1 + i % 30000);
  }
  for (const Prefix& prefix : prefixes) {
    tables_->remove(Table::routes, prefix.first, prefix.second);
  }
  tables_->commit();
  settle();
  for (const Prefix& prefix : prefixes) {
    ASSERT_EQ(tables_->lookup_one(Table::routes, prefix.first), 0U);
  }
}

INSTANTIATE_TEST_SUITE_P(Families, FibTest, testing::Values(Family::ipv4, Family::ipv6),
                         [](const auto& family) {
                           return family.param == Family::ipv4 ? "ipv4" : "ipv6";
                         });

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

// A group is there when and only when a longer prefix lies in it, whatever the order of changes.
TEST(PrefixTable, GivesItsGroupsBack) {
  auto table = PrefixTable<Ipv6Prefixes>::create(200 * 13, -1);
  ASSERT_TRUE(table);
  PrefixSource source(Family::ipv6, 6);
  for (int round = 0; round < 20; ++round) {
    NaiveTable present;
    std::vector<Prefix> order;
    for (int i = 0; i < 200; ++i) {
      const Prefix prefix = source.prefix();
      (*table)->set(prefix.first, prefix.second, 5);
      if (present.prefixes().count(prefix) == 0) {
        order.push_back(prefix);
      }
      present.set(prefix, 5);
    }
    EXPECT_GT((*table)->groups_used(), 0U);
    while (!order.empty()) {
      const std::size_t at = source.number(order.size());
      const Prefix prefix = order[at];
      order.erase(order.begin() + static_cast<std::ptrdiff_t>(at));
      present.remove(prefix);
      Covering covering;
      for (const auto& [other, value] : present.prefixes()) {
        if (other.second < prefix.second && other.second > covering.length &&
            test::contains(other, prefix.first)) {
          covering = {.value = static_cast<std::uint16_t>(value), .length = other.second};
        }
      }
      (*table)->remove(prefix.first, prefix.second, covering);
    }
    EXPECT_EQ((*table)->groups_used(), 0U);
  }
}

// Room for so many groups that two-byte entries can name: the next /24 is refused, not corrupted.
TEST(FibPair, RefusesMoreGroupsThanEntriesCanName) {
  auto pair = FibPair<Ipv4Prefixes>::create("test", -1, 40000);
  ASSERT_TRUE(pair);
  unsigned taken = 0;
  for (unsigned i = 0; i < 40000; ++i) {
    taken += (*pair)->set(ipv4(10, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i),
                               static_cast<std::uint8_t>(1 + (i >> 16))),
                          32, 3)
                 ? 1
                 : 0;
  }
  EXPECT_EQ(taken, 32768U);
  EXPECT_TRUE((*pair)->set(ipv4(10, 0, 0, 77), 32, 3));  // beside one that is there
  EXPECT_TRUE((*pair)->set(ipv4(11, 0, 0, 0), 24, 3));
  (*pair)->remove(ipv4(10, 0, 1, 1), 32);
  EXPECT_TRUE((*pair)->set(ipv4(12, 0, 0, 1), 32, 3));
  (*pair)->close_batch();
  (*pair)->begin_batch();
  std::size_t budget = 100000;
  ASSERT_TRUE((*pair)->prepare(&budget));
  (*pair)->swap();
  const std::array<std::uint32_t, 4> keys = {0x0a000001, 0x0a000101, 0x0a7fff01, 0x0c000001};
  std::array<std::uint64_t, 4> values{};
  (*pair)->lookup(keys.data(), values.data(), 4);
  EXPECT_EQ(values, (std::array<std::uint64_t, 4>{3, 0, 3, 3}));
}

}  // namespace
}  // namespace gotthard::dataplane
