#include "control/noise/admission.h"

#include <algorithm>
#include <span>

#include "crypto/bytes.h"

namespace gotthard::noise {

Admission::Admission(const Randomness& randomness) : buckets_(kSets * kWays) {
  randomness(key_.bytes());
}

bool Admission::admit(const abi::Address& source, Nanoseconds now, crypto::Blake2sMac& mac) {
  abi::Address key = source;
  if (key.family == abi::Family::ipv6) {
    std::fill(key.bytes.begin() + 8, key.bytes.end(), std::uint8_t{0});
  }
  const crypto::Mac hash = mac.mac(key_.bytes(), crypto::bytes_of(key.bytes));
  const std::size_t set = (std::size_t{hash[0]} | std::size_t{hash[1]} << 8) % kSets;
  const auto ways = std::span(buckets_).subspan(set * kWays, kWays);

  auto bucket = std::ranges::find(ways, key, &Bucket::source);
  if (bucket == ways.end()) {
    // A full bucket says no more than none; unused ones are full since the beginning.
    bucket = std::ranges::find_if(ways, [now](const Bucket& other) {
      return other.source.family == abi::Family::none ||
             other.tokens + now - other.updated >= kBurst;
    });
    if (bucket == ways.end()) {
      return false;
    }
    *bucket = {key, kBurst, now};
  }
  bucket->tokens = std::min(kBurst, bucket->tokens + (now - bucket->updated));
  bucket->updated = now;
  if (bucket->tokens < kCost) {
    return false;
  }
  bucket->tokens -= kCost;
  return true;
}

}  // namespace gotthard::noise
