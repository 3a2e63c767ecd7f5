#include "perf/line_rate/pattern.h"

#include <cstring>

namespace gotthard::perf::line_rate {
namespace {

// splitmix64 (Steele, Lea and Flood, 2014): any seed will do.
std::uint64_t next_random(std::uint64_t* state) {
  std::uint64_t value = *state += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

}  // namespace

Pattern::Pattern(std::uint64_t seed)
    : bytes_(kPlaces + kLongest), sums_(bytes_.size() / sizeof(std::uint16_t) + 1) {
  static_assert((kPlaces + kLongest) % sizeof(std::uint64_t) == 0);
  for (std::size_t i = 0; i < bytes_.size(); i += sizeof(std::uint64_t)) {
    const std::uint64_t random = next_random(&seed);
    std::memcpy(&bytes_[i], &random, sizeof(random));
  }
  for (std::size_t i = 0; i + 1 < sums_.size(); ++i) {
    std::uint16_t word = 0;
    std::memcpy(&word, &bytes_[i * sizeof(word)], sizeof(word));
    sums_[i + 1] = sums_[i] + word;
  }
}

}  // namespace gotthard::perf::line_rate
