// A token bucket: `burst` at once, `per_second` in the long run.
#pragma once

#include <algorithm>

#include "base/clock.h"

namespace gotthard::supervisor {

class RateLimit {
 public:
  RateLimit(unsigned per_second, unsigned burst)
      : per_second_(per_second), most_(burst * kSecond), tokens_(most_) {}

  [[nodiscard]] bool allow(Nanoseconds now) {
    const Nanoseconds passed = std::min<Nanoseconds>(now - last_, 3600 * kSecond);
    last_ = now;
    tokens_ = std::min(most_, tokens_ + passed * per_second_);
    if (tokens_ < kSecond) {
      return false;
    }
    tokens_ -= kSecond;
    return true;
  }

 private:
  Nanoseconds per_second_;
  Nanoseconds most_;
  Nanoseconds tokens_;  // in units of 1/kSecond
  Nanoseconds last_ = 0;
};

}  // namespace gotthard::supervisor
