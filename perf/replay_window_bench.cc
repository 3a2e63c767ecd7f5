// What does a packet cost in the anti-replay window, checked before and committed after opening?
// Bursts of 32 of one session; `cycles` are of the time stamp counter, per packet,
// `least` those of the quietest round.
#include <benchmark/benchmark.h>
#include <x86intrin.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "dataplane/table/replay_window.h"

namespace gotthard::dataplane {
namespace {

constexpr std::size_t kBurst = 32;
constexpr std::size_t kRound = 1U << 16;  // counters in an order that repeats, further on each time

enum class Order { in_order, few_swapped, shuffled };

std::vector<std::uint64_t> order_of(Order order) {
  std::vector<std::uint64_t> counters(kRound);
  std::mt19937_64 random(1);
  for (std::size_t i = 0; i < kRound; ++i) {
    counters[i] = i;
  }
  for (std::size_t i = 0; order == Order::few_swapped && i + 1 < kRound; i += 20) {
    std::swap(counters[i], counters[i + 1]);
  }
  for (std::size_t i = 0; order == Order::shuffled && i < kRound; i += 1024) {
    std::shuffle(&counters[i], &counters[i] + 1024, random);
  }
  return counters;
}

struct Session {
  Session()
      : memory(static_cast<std::byte*>(
            std::aligned_alloc(64, ReplayWindow::memory_size(ReplayWindow::kDefaultPackets)))) {
    window.attach(memory.get(), ReplayWindow::kDefaultPackets);
  }
  struct Free {
    void operator()(std::byte* p) const { std::free(p); }
  };
  std::unique_ptr<std::byte, Free> memory;
  ReplayWindow window;
};

void check_and_commit(benchmark::State& state, Order order) {
  const std::vector<std::uint64_t> counters = order_of(order);
  Session session;
  std::uint64_t cycles = 0;
  std::uint64_t least = ~std::uint64_t{0};
  std::uint64_t packets = 0;
  std::uint64_t accepted = 0;
  std::uint64_t base = 0;
  for (auto _ : state) {
    const std::uint64_t start = __rdtsc();
    for (std::size_t at = 0; at < kRound; at += kBurst) {
      std::array<std::uint64_t, kBurst> burst;
      std::array<WindowVerdict, kBurst> verdicts;
      std::size_t open = 0;
      for (std::size_t i = 0; i < kBurst; ++i) {
        burst[open] = base + counters[at + i];
        open += session.window.precheck(burst[open]) == WindowVerdict::accept ? 1 : 0;
      }
      session.window.commit({burst.data(), open}, {verdicts.data(), open});
      for (std::size_t i = 0; i < open; ++i) {
        accepted += verdicts[i] == WindowVerdict::accept ? 1 : 0;
      }
      packets += kBurst;
    }
    const std::uint64_t round = __rdtsc() - start;
    cycles += round;
    least = std::min(least, round);
    base += kRound;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(packets));
  state.counters["cycles"] =
      benchmark::Counter(static_cast<double>(cycles) / static_cast<double>(packets));
  // Of the quietest round: what neighbours on the machine take does not count.
  state.counters["least"] =
      benchmark::Counter(static_cast<double>(least) / static_cast<double>(kRound));
  state.counters["accepted"] =
      benchmark::Counter(static_cast<double>(accepted) / static_cast<double>(packets));
}

BENCHMARK_CAPTURE(check_and_commit, in_order, Order::in_order);
BENCHMARK_CAPTURE(check_and_commit, few_swapped, Order::few_swapped);
BENCHMARK_CAPTURE(check_and_commit, shuffled, Order::shuffled);

}  // namespace
}  // namespace gotthard::dataplane

BENCHMARK_MAIN();
