// The threads of a run, one a worker, that begin and end each round together.
#pragma once

#include <immintrin.h>

#include <atomic>
#include <cstdint>

namespace gotthard::perf::pipeline {

// The time stamp counter when all before it is done and nothing after it has begun.
inline std::uint64_t fenced_tsc() {
  _mm_lfence();
  const std::uint64_t now = __rdtsc();
  _mm_lfence();
  return now;
}

class Team {
 public:
  explicit Team(unsigned members) : members_(members) {}

  void wait() { (void)meet(0); }
  // All go on at the same time, which is returned.
  [[nodiscard]] std::uint64_t start() {
    if (members_ == 1) {
      return fenced_tsc();
    }
    constexpr std::uint64_t kLead = 4000;  // longer than the last one's news take
    const std::uint64_t at = meet(kLead);
    while (__rdtsc() < at) {
    }
    _mm_lfence();
    return at;
  }

 private:
  // The last one to arrive says when, `lead` ticks from then, to all.
  std::uint64_t meet(std::uint64_t lead) {
    const std::uint64_t round = round_.load(std::memory_order_relaxed);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == members_) {
      arrived_.store(0, std::memory_order_relaxed);
      at_.store(__rdtsc() + lead, std::memory_order_relaxed);
      round_.store(round + 1, std::memory_order_release);
    } else {
      while (round_.load(std::memory_order_acquire) == round) {
        _mm_pause();
      }
    }
    return at_.load(std::memory_order_relaxed);
  }

  unsigned members_;
  alignas(64) std::atomic<unsigned> arrived_{0};
  alignas(64) std::atomic<std::uint64_t> round_{0};
  std::atomic<std::uint64_t> at_{0};
};

}  // namespace gotthard::perf::pipeline
