// A rate limit that costs a compare when it lets pass.
#pragma once

#include <cstdint>

namespace gotthard::dataplane {

class TokenBucket {
 public:
  TokenBucket() = default;
  TokenBucket(std::uint64_t ticks_per_token, std::uint32_t depth)
      : ticks_per_token_(ticks_per_token), depth_(depth), tokens_(depth) {}

  [[nodiscard]] bool take(std::uint64_t now_ticks) {
    if (now_ticks - last_ >= ticks_per_token_) {
      const std::uint64_t earned = (now_ticks - last_) / ticks_per_token_;
      last_ += earned * ticks_per_token_;
      tokens_ = tokens_ + earned > depth_ ? depth_ : tokens_ + static_cast<std::uint32_t>(earned);
    }
    if (tokens_ == 0) {
      return false;
    }
    --tokens_;
    return true;
  }

 private:
  std::uint64_t ticks_per_token_ = 1;
  std::uint64_t last_ = 0;
  std::uint32_t depth_ = 0;
  std::uint32_t tokens_ = 0;
};

}  // namespace gotthard::dataplane
