// How many ICMP errors a worker sends: some a second to each source, so that nobody makes the
// gateway flood another, and a bound on all (RFC 1812 4.3.2.8, RFC 4443 2.4 (f)).
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "dataplane/abi/records.h"
#include "dataplane/token_bucket.h"

namespace gotthard::dataplane {

class AnswerLimits {
 public:
  static constexpr std::uint32_t kPerSource = 10;  // a second, and at once
  static constexpr std::uint32_t kInAll = 1000;    // a second; a tenth of it at once

  AnswerLimits() = default;
  // `seed` keeps others from choosing sources that share a place.
  AnswerLimits(std::uint64_t ticks_per_second, std::uint64_t seed)
      : seed_(seed), all_(ticks_per_second / kInAll, kInAll / 10) {
    sources_.fill(TokenBucket(ticks_per_second / kPerSource, kPerSource));
  }

  [[nodiscard]] bool take(const abi::Address& source, std::uint64_t now_ticks) {
    return sources_[place_of(source)].take(now_ticks) && all_.take(now_ticks);
  }

 private:
  [[nodiscard]] std::size_t place_of(const abi::Address& source) const {
    std::array<std::uint64_t, 2> words;
    std::memcpy(words.data(), source.bytes.data(), sizeof(words));
    std::uint64_t hash = (words[0] ^ seed_) * 0x9e3779b97f4a7c15;
    hash = (hash ^ hash >> 32 ^ words[1]) * 0xbf58476d1ce4e5b9;
    return (hash >> 40) % sources_.size();
  }

  std::uint64_t seed_ = 0;
  TokenBucket all_;
  std::array<TokenBucket, 1024> sources_;
};

}  // namespace gotthard::dataplane
