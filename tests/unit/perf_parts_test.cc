// What perf runs are made of.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <set>

#include "perf/locked_instructions.h"
#include "perf/pipeline/addresses.h"
#include "perf/samples.h"

namespace gotthard::perf {
namespace {

TEST(LockedInstructions, AreKnownByTheirBytes) {
  const auto locked = [](std::initializer_list<std::uint8_t> bytes) {
    std::array<std::uint8_t, 16> code{};
    std::copy(bytes.begin(), bytes.end(), code.begin());
    return is_locked(code.data());
  };
  EXPECT_TRUE(locked({0xf0, 0x48, 0x0f, 0xc1, 0x02}));         // lock xadd %rax,(%rdx)
  EXPECT_TRUE(locked({0xf0, 0x49, 0x0f, 0xc7, 0x08}));         // lock cmpxchg16b (%r8)
  EXPECT_TRUE(locked({0x66, 0xf0, 0x0f, 0xc1, 0x02}));         // lock xadd %ax,(%rdx)
  EXPECT_TRUE(locked({0x48, 0x87, 0x02}));                     // xchg %rax,(%rdx)
  EXPECT_TRUE(locked({0x86, 0x02}));                           // xchg %al,(%rdx)
  EXPECT_FALSE(locked({0x48, 0x87, 0xc2}));                    // xchg %rax,%rdx
  EXPECT_FALSE(locked({0x48, 0x01, 0x02}));                    // add %rax,(%rdx)
  EXPECT_FALSE(locked({0xf3, 0x0f, 0x1e, 0xfa}));              // endbr64
  EXPECT_FALSE(locked({0x62, 0xf1, 0x7c, 0x48, 0x28, 0x06}));  // vmovaps (%rsi),%zmm0
}

TEST(LockedInstructions, AreCounted) {
  std::atomic<int> value{0};
  std::array<int, 100> plain{};
  const auto count = count_locked_instructions([&] {
    for (int i = 0; i < 5; ++i) {
      value.fetch_add(1);
    }
    for (volatile int& p : plain) {
      p = p + 1;
    }
  });
  ASSERT_TRUE(count);
  EXPECT_EQ(*count, 5U);
  EXPECT_EQ(count_locked_instructions([] {}).value(), 0U);
}

TEST(Samples, OnlyQuietOnesCount) {
  Samples samples;
  EXPECT_EQ(samples.median(0), 0);
  for (int i = 0; i < 99; ++i) {
    samples.add(100 + i % 3, 1000);
    samples.add(500, 1100);
  }
  const std::uint64_t limit = quiet_limit({&samples, 1});
  EXPECT_EQ(limit, 1040U);
  EXPECT_TRUE(samples.any_quiet(limit));
  EXPECT_EQ(samples.quiet_share(limit), 0.5);
  EXPECT_EQ(samples.median(limit), 101);
  EXPECT_EQ(samples.median(10), 500);  // none was that quiet: of all
}

TEST(Samples, OneLimitIsForAllThatIsCompared) {
  std::array<Samples, 3> kinds;  // the last has none
  for (int i = 0; i < 100; ++i) {
    kinds[0].add(100, 1000);
    kinds[1].add(50, 2000);
  }
  const std::uint64_t limit = quiet_limit(kinds);
  EXPECT_EQ(limit, 1040U);
  EXPECT_FALSE(kinds[1].any_quiet(limit));
  EXPECT_EQ(kinds[1].quiet_share(limit), 0);
  EXPECT_FALSE(kinds[2].any_quiet(limit));
  EXPECT_EQ(quiet_limit({}), 0U);
}

TEST(Addresses, PrefixesAreApart) {
  using pipeline::Block;
  for (const abi::Family family : {abi::Family::ipv4, abi::Family::ipv6}) {
    std::set<abi::Address> prefixes;
    abi::Address last{.family = family};
    for (const std::uint32_t number : {0U, 1U, 9999U}) {
      const Block block(Block::Side::remote, family, number, 10000, 50);
      EXPECT_LT(last, block.first());
      last = block.last();
      for (std::uint32_t i = 0; i < 50; ++i) {
        prefixes.insert(block.prefix(i).address);
        EXPECT_GE(block.host(i, 0xff), block.first());
        EXPECT_LE(block.host(i, 0xff), block.last());
      }
    }
    EXPECT_EQ(prefixes.size(), 150U);
  }
}

}  // namespace
}  // namespace gotthard::perf
