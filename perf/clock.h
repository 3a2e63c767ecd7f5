// The time stamp counter, and whether the core was ours alone while something was timed.
#pragma once

#include <x86intrin.h>

#include <algorithm>
#include <cstdint>
#include <ctime>

namespace gotthard::perf {

// Hertz, measured against the system's clock for `milliseconds`.
inline double measure_tsc_hz(int milliseconds = 50) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC_RAW, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
  };
  const double begin = now();
  const std::uint64_t first = __rdtsc();
  double end = begin;
  while (end < begin + milliseconds * 1e6) {
    end = now();
  }
  return static_cast<double>(__rdtsc() - first) * 1e9 / (end - begin);
}

// Nanoseconds that the calling thread had a CPU for: what lasts longer than the system lets a
// thread run is not measured well by a clock on a busy machine.
inline std::uint64_t thread_time() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(time.tv_nsec);
}

// Cycles for a fixed piece of work that fills the integer units: it takes longer while the other
// thread of the core works, while the clock is low and while the hypervisor gives the core away.
inline std::uint64_t probe() {
  std::uint64_t a = 1;
  std::uint64_t b = 2;
  std::uint64_t c = 3;
  std::uint64_t d = 4;
  const std::uint64_t first = __rdtsc();
  for (int i = 0; i < 500; ++i) {
    asm volatile(
        "add $1, %0\n add $1, %1\n add $1, %2\n add $1, %3\n"
        "add $1, %0\n add $1, %1\n add $1, %2\n add $1, %3\n"
        : "+r"(a), "+r"(b), "+r"(c), "+r"(d));
  }
  return __rdtsc() - first;
}

// The shorter of two: what only an interrupt made longer says nothing of what comes next.
inline std::uint64_t probe_core() { return std::min(probe(), probe()); }

}  // namespace gotthard::perf
