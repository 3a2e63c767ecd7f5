// The anti-replay window with real threads: every worker is offered every counter, and each counter
// is accepted exactly once. Also run under ThreadSanitizer.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "dataplane/table/replay_window.h"

namespace gotthard::dataplane {
namespace {

#if defined(__SANITIZE_THREAD__)
constexpr std::size_t kCounters = 40'000;
#else
constexpr std::size_t kCounters = 400'000;
#endif
constexpr std::size_t kBurst = 32;
constexpr std::size_t kReach = 1024;  // how far a counter is from its place

void accepted_exactly_once(std::uint64_t base, unsigned workers, std::uint32_t packets) {
  const std::unique_ptr<std::byte, decltype(&std::free)> memory(
      static_cast<std::byte*>(std::aligned_alloc(64, ReplayWindow::memory_size(packets))),
      &std::free);
  ReplayWindow window;
  window.attach(memory.get(), packets);
  std::vector<std::atomic<int>> accepted(kCounters);
  std::atomic<unsigned> ready{0};
  std::vector<std::thread> threads;
  for (unsigned worker = 0; worker < workers; ++worker) {
    threads.emplace_back([&, worker] {
      std::mt19937_64 random(worker);
      std::vector<std::uint64_t> order(kCounters);
      for (std::size_t i = 0; i < kCounters; ++i) {
        order[i] = base + i;
      }
      for (std::size_t i = 0; worker % 2 == 1 && i < kCounters; i += kReach) {
        std::shuffle(order.begin() + static_cast<std::ptrdiff_t>(i),
                     order.begin() + static_cast<std::ptrdiff_t>(std::min(kCounters, i + kReach)),
                     random);
      }
      ready.fetch_add(1);
      while (ready.load() < workers) {
      }
      std::array<WindowVerdict, kBurst> verdicts;
      for (std::size_t at = 0; at < kCounters; at += kBurst) {
        const std::span<const std::uint64_t> burst(&order[at], std::min(kBurst, kCounters - at));
        window.commit(burst, verdicts);
        for (std::size_t i = 0; i < burst.size(); ++i) {
          // Never anything new once it was offered. A block that leaves while it is looked at may
          // pass the first look, never the second.
          std::array<WindowVerdict, 1> again{window.precheck(burst[i])};
          if (again[0] == WindowVerdict::accept) {
            window.commit(burst.subspan(i, 1), again);
          }
          if (again[0] == WindowVerdict::accept) {
            accepted[burst[i] - base].fetch_add(1000);
          }
          accepted[burst[i] - base].fetch_add(verdicts[i] == WindowVerdict::accept ? 1 : 0);
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  std::size_t wrong = 0;
  for (const auto& count : accepted) {
    wrong += count.load() == 1 ? 0 : 1;
  }
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(window.received(), base + kCounters);
}

class ReplayWindowThreads : public testing::TestWithParam<unsigned> {};

TEST_P(ReplayWindowThreads, EachCounterIsAcceptedExactlyOnce) {
  for (const std::uint64_t base :
       {std::uint64_t{0}, (std::uint64_t{1} << 32) - kCounters / 2,
        (std::uint64_t{1} << 63) - kCounters / 2, ~std::uint64_t{0} - kCounters}) {
    accepted_exactly_once(base, GetParam(), 65536);
    // So small that workers lap each other: what one finds late, another has accepted.
    accepted_exactly_once(base, GetParam(), 4096);
  }
}

INSTANTIATE_TEST_SUITE_P(Workers, ReplayWindowThreads, testing::Values(2U, 4U));

}  // namespace
}  // namespace gotthard::dataplane
