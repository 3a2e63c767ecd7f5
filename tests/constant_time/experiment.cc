#include "tests/constant_time/experiment.h"

#include <x86intrin.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <vector>

namespace gotthard::constant_time {
namespace {

// Slots are made and used in series: one fits into the L2 cache.
constexpr std::size_t kSeries = 128;
// The first calls of a series find other things in the caches.
constexpr std::size_t kWarmUp = 4;
constexpr std::size_t kLine = 64;

// Nothing of what comes before or after is within.
std::uint64_t begin_time() {
  _mm_lfence();
  const std::uint64_t now = __rdtsc();
  _mm_lfence();
  return now;
}
std::uint64_t end_time() {
  unsigned processor = 0;
  const std::uint64_t now = __rdtscp(&processor);
  _mm_lfence();
  return now;
}

}  // namespace

Round run_round(const Experiment& experiment, Random& random, double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  const std::size_t stride = (experiment.slot_size + kLine - 1) / kLine * kLine;
  std::vector<std::byte> memory(kSeries * stride + kLine);
  std::byte* const first =
      memory.data() + (kLine - reinterpret_cast<std::uintptr_t>(memory.data()) % kLine) % kLine;
  const auto slot = [&](std::size_t i) {
    return std::span(first + i * stride, experiment.slot_size);
  };
  std::array<Class, kSeries> classes;
  std::vector<Sample> samples;
  Round round;
  do {
    for (std::size_t i = 0; i < kSeries; ++i) {
      classes[i] = random.coin() ? Class::varied : Class::fixed;
      experiment.prepare(classes[i], random, slot(i));
    }
    for (std::size_t i = 0; i < kSeries; ++i) {
      experiment.load(slot(i));
      const std::uint64_t begin = begin_time();
      const std::uint64_t result = experiment.call();
      const std::uint64_t cycles = end_time() - begin;
      round.as_expected = round.as_expected && result == experiment.expected;
      if (i >= kWarmUp) {
        constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
        samples.push_back({classes[i], static_cast<std::uint32_t>(std::min(cycles, kMost))});
      }
    }
  } while (Clock::now() < end);
  round.calls = samples.size();
  round.comparison = compare(samples);
  return round;
}

double strongest(std::span<const Round> rounds) {
  double greatest = 0;
  for (std::size_t test = 0; test < kTests; ++test) {
    for (const double sign : {1.0, -1.0}) {
      double least = INFINITY;
      for (const Round& round : rounds) {
        least = std::min(least, sign * round.comparison.t[test]);
      }
      greatest = std::max(greatest, least);
    }
  }
  return greatest;
}

bool differ(std::span<const Round> rounds) { return strongest(rounds) > kApart; }

}  // namespace gotthard::constant_time
