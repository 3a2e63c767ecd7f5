// How often a child may be started again: at once the first time, then with growing pauses; a child
// that keeps dying is given up, because an operator sees a gateway that is down sooner than one
// that flaps.
#pragma once

#include <deque>
#include <optional>

#include "base/clock.h"

namespace gotthard::supervisor {

class RestartPolicy {
 public:
  static constexpr std::size_t kMostPerMinute = 5;

  // After a death at `now`: how long to wait before the next start, or nothing to give up.
  [[nodiscard]] std::optional<Nanoseconds> after_death(Nanoseconds now) {
    while (!deaths_.empty() && now - deaths_.front() >= 60 * kSecond) {
      deaths_.pop_front();
    }
    const std::size_t before = deaths_.size();
    deaths_.push_back(now);
    if (before >= kMostPerMinute) {
      return std::nullopt;
    }
    return before == 0 ? 0 : (kSecond / 2) << (before - 1);
  }

 private:
  std::deque<Nanoseconds> deaths_;
};

}  // namespace gotthard::supervisor
