// How many handshakes one source may ask of us while we are under load: 20 a second, 5 at once, as
// Linux has it. The memory is fixed, whatever arrives.
#pragma once

#include <cstdint>
#include <vector>

#include "control/noise/types.h"
#include "crypto/hash.h"
#include "crypto/secret.h"

namespace gotthard::noise {

class Admission {
 public:
  static constexpr Nanoseconds kCost = kSecond / 20;  // a message costs the time to earn it
  static constexpr Nanoseconds kBurst = 5 * kCost;
  static constexpr std::size_t kSets = 1024;
  static constexpr std::size_t kWays = 4;

  explicit Admission(const Randomness& randomness);

  // IPv6 sources count by their /64: one host has as many addresses there as it likes. Sources are
  // those of a valid mac2, so they are not forged; when too many of them meet, newcomers wait.
  [[nodiscard]] bool admit(const abi::Address& source, Nanoseconds now, crypto::Blake2sMac& mac);

 private:
  struct Bucket {
    abi::Address source;
    Nanoseconds tokens = 0;
    Nanoseconds updated = 0;
  };

  std::vector<Bucket> buckets_;
  crypto::Secret<16> key_;  // nobody outside can choose who shares a set
};

}  // namespace gotthard::noise
