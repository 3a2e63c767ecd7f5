// The tables under readers: while prefixes come, change and go, prefixes beside, above and below
// them are never answered wrongly, and changed ones only with a value that they had. Also run under
// ThreadSanitizer.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "dataplane/table/fib.h"

namespace gotthard::dataplane {
namespace {

using abi::Family;
using abi::Table;

constexpr std::uint64_t kDefault = 9;
constexpr std::uint64_t kStable = 100;
constexpr std::uint64_t kChanging = 1000;  // and the 63 after it

// Address i of a burst: even ones in stable /28s (/120s), odd ones in changing ones between them.
abi::Address address(Family family, unsigned i) {
  abi::Address a{.family = family, .bytes = {10, 2}};
  const unsigned last = family == Family::ipv4 ? 3 : 15;
  a.bytes[2] = static_cast<std::uint8_t>(i >> 4);
  a.bytes[last] = static_cast<std::uint8_t>(family == Family::ipv4 ? i << 4 : 0);
  if (family == Family::ipv6) {
    a.bytes[last - 1] = static_cast<std::uint8_t>(i << 4);
  }
  return a;
}

void storm(Family family) {
  constexpr std::uint32_t kWorkers = 2;
  constexpr unsigned kPrefixes = 64;
  const auto length = static_cast<std::uint8_t>(family == Family::ipv4 ? 28 : 116);
  auto rcu = Rcu::create(kWorkers);
  ASSERT_TRUE(rcu);
  auto made = Tables::create(rcu->get(), -1, 4096);
  ASSERT_TRUE(made);
  Tables& tables = **made;
  ASSERT_TRUE(tables.set(Table::routes, address(family, 0), 0, kDefault));
  for (unsigned i = 0; i < kPrefixes; i += 2) {
    ASSERT_TRUE(tables.set(Table::routes, address(family, i), length,
                           static_cast<std::uint32_t>(kStable + i)));
  }
  tables.commit();
  while (tables.busy()) {
    tables.poll();
  }

  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> bursts{0};
  std::atomic<std::uint64_t> wrong{0};
  std::vector<std::thread> threads;
  for (std::uint32_t worker = 0; worker < kWorkers; ++worker) {
    threads.emplace_back([&, worker] {
      std::array<std::uint32_t, kPrefixes> keys4;
      std::array<FibKey6, kPrefixes> keys6;
      for (unsigned i = 0; i < kPrefixes; ++i) {
        const abi::Address a = address(family, i);
        keys4[i] = (std::uint32_t{a.bytes[0]} << 24) | (std::uint32_t{a.bytes[1]} << 16) |
                   (std::uint32_t{a.bytes[2]} << 8) | a.bytes[3];
        keys6[i].bytes = a.bytes;
      }
      std::array<std::uint64_t, kPrefixes> values;
      rcu->get()->online(worker);
      while (!stop.load(std::memory_order_relaxed)) {
        if (family == Family::ipv4) {
          tables.lookup4(Table::routes, keys4.data(), values.data(), kPrefixes);
        } else {
          tables.lookup6(Table::routes, keys6.data(), values.data(), kPrefixes);
        }
        for (unsigned i = 0; i < kPrefixes; ++i) {
          const bool right = i % 2 == 0 ? values[i] == kStable + i
                                        : values[i] == kDefault || values[i] == kChanging + i;
          wrong += right ? 0 : 1;
        }
        bursts.fetch_add(1, std::memory_order_relaxed);
        rcu->get()->quiescent(worker);
      }
      rcu->get()->offline(worker);
    });
  }
  unsigned commits = 0;
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(1500);
  while (std::chrono::steady_clock::now() < end) {
    const bool present = commits % 2 == 0;
    for (unsigned i = 1; i < kPrefixes; i += 2) {
      if (present) {
        ASSERT_TRUE(tables.set(Table::routes, address(family, i), length,
                               static_cast<std::uint32_t>(kChanging + i)));
      } else {
        tables.remove(Table::routes, address(family, i), length);
      }
    }
    tables.commit();
    ++commits;
    while (tables.busy()) {
      std::this_thread::yield();
      tables.poll();
    }
  }
  stop.store(true);
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(wrong.load(), 0U);
  EXPECT_GT(commits, 10U);
  EXPECT_GT(bursts.load(), 100U);
}

TEST(FibThreads, Ipv4ReadersUnderAStormOfUpdates) { storm(Family::ipv4); }
TEST(FibThreads, Ipv6ReadersUnderAStormOfUpdates) { storm(Family::ipv6); }

}  // namespace
}  // namespace gotthard::dataplane
