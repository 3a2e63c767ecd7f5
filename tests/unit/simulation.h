// A clock, and what a network does to what is sent through it, in virtual time. Same seed, same
// run.
#pragma once

#include <functional>
#include <queue>
#include <random>
#include <tuple>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace gotthard::simulation {

class Clock {
 public:
  static constexpr Nanoseconds kStart = 1000 * kSecond;

  [[nodiscard]] Nanoseconds now() const { return now_; }
  void at(Nanoseconds delay, std::function<void()> what) {
    events_.push({now_ + delay, serial_++, std::move(what)});
  }
  void run_for(Nanoseconds duration) {
    const Nanoseconds end = now_ + duration;
    while (!events_.empty() && events_.top().when <= end) {
      const Event event = events_.top();
      events_.pop();
      now_ = event.when;
      event.what();
    }
    now_ = end;
  }

 private:
  struct Event {
    Nanoseconds when;
    std::uint64_t serial;
    std::function<void()> what;
    bool operator<(const Event& other) const {
      return std::tie(when, serial) > std::tie(other.when, other.serial);
    }
  };
  std::priority_queue<Event> events_;
  Nanoseconds now_ = kStart;
  std::uint64_t serial_ = 0;
};

struct Faults {
  double loss = 0;
  double duplication = 0;
  Nanoseconds latency = 5 * kMillisecond;
  Nanoseconds spread = 0;  // beyond the gaps it reorders
};

class Wire {
 public:
  Wire(Clock& clock, std::uint64_t seed) : clock_(clock), engine_(seed) {}

  Faults faults;

  // `arrive` is called for each copy that comes through, when it does.
  void carry(const std::function<void()>& arrive) {
    for (int copies = chance(faults.duplication) ? 2 : 1; copies > 0; --copies) {
      if (!chance(faults.loss)) {
        const Nanoseconds extra = faults.spread == 0 ? 0 : engine_() % faults.spread;
        clock_.at(faults.latency + extra, arrive);
      }
    }
  }

 private:
  bool chance(double probability) {
    return std::uniform_real_distribution<>(0, 1)(engine_) < probability;
  }

  Clock& clock_;
  std::mt19937_64 engine_;
};

}  // namespace gotthard::simulation
