// Packets that arrive at a port whether the worker is ready or not (an open loop), and wait there.
// Time is a parameter: ticks of any clock that does not go back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <random>

namespace gotthard::perf::latency {

enum class Spacing : std::uint8_t { even, poisson };

// When packets are to arrive: one each `gap` ticks on average, the first one gap after `start`.
class Pacer {
 public:
  Pacer(Spacing spacing, double gap, std::uint64_t start, std::uint64_t seed);

  [[nodiscard]] std::uint64_t next() const { return static_cast<std::uint64_t>(next_); }
  void advance();

 private:
  Spacing spacing_;
  double gap_;
  std::mt19937_64 random_;
  double next_;
};

// A port's queue in time. A packet's time begins when it was to arrive, not when somebody came to
// put it in front of the worker: so a worker that is late is late for all that wait.
class Line {
 public:
  // At most `depth` wait, as at a NIC; what arrives then is lost.
  Line(const Pacer& pacer, std::size_t depth) : pacer_(pacer), depth_(depth) {}

  // What was to arrive until `now` waits.
  void arrive(std::uint64_t now);
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  // The first `count` of those that wait are with the worker.
  void take(std::size_t count);
  // The first `count` of those with the worker, which keeps their order, left it at `at`.
  // `spent(ticks)`, for each: since it was to arrive.
  template <typename Spent>
  void leave(std::size_t count, std::uint64_t at, Spent spent) {
    for (std::size_t i = 0; i < count; ++i) {
      spent(at - taken_.front());
      taken_.pop_front();
    }
  }
  [[nodiscard]] std::size_t under_way() const { return taken_.size(); }
  [[nodiscard]] std::uint64_t lost() const { return lost_; }

 private:
  Pacer pacer_;
  std::size_t depth_;
  std::deque<std::uint64_t> waiting_;  // when each was to arrive
  std::deque<std::uint64_t> taken_;
  std::uint64_t lost_ = 0;
};

}  // namespace gotthard::perf::latency
