// The tables against the plainest longest-prefix match, through random changes, commits and
// resynchronisations.
#include "dataplane/table/fib.h"

#include <gtest/gtest.h>

#include <cstring>
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
  EXPECT_FALSE(tables_->set(Table::routes, address, bits, FibEntry::kMaxValue + 1));
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

}  // namespace
}  // namespace gotthard::dataplane
