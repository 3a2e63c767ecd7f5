// Rendezvous hashing (Thaler and Ravishankar, 1998), with weights by the method of the logarithm:
// of several candidates each item takes the one that scores highest for it. A candidate that goes
// leaves the items of the others alone, and nothing is kept between decisions.
#pragma once

#include <cmath>
#include <cstdint>

namespace gotthard {

// The finaliser of MurmurHash3.
[[nodiscard]] constexpr std::uint64_t mixed_bits(std::uint64_t value) {
  value = (value ^ value >> 33) * 0xff51afd7ed558ccd;
  value = (value ^ value >> 33) * 0xc4ceb9fe1a85ec53;
  return value ^ value >> 33;
}

[[nodiscard]] inline double rendezvous_score(std::uint64_t candidate, std::uint64_t item,
                                             std::uint16_t weight) {
  const std::uint64_t hash = mixed_bits(mixed_bits(candidate) + item);
  const double uniform = (static_cast<double>(hash >> 11) + 0.5) * 0x1p-53;
  return -static_cast<double>(weight) / std::log(uniform);
}

// FNV-1a, of what a candidate or item is.
class RendezvousHash {
 public:
  RendezvousHash& add(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) {
      hash_ = (hash_ ^ (value >> (8 * i) & 0xff)) * 0x100000001b3;
    }
    return *this;
  }
  template <typename Bytes>
  RendezvousHash& add_all(const Bytes& bytes) {
    for (const auto byte : bytes) {
      add(byte, 1);
    }
    return *this;
  }
  [[nodiscard]] std::uint64_t value() const { return hash_; }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325;
};

}  // namespace gotthard
