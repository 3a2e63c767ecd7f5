// Bytes that payloads are taken from, each from a place of its own, so that a payload that got into
// another packet is noticed. Sums over any part are known beforehand: a checksum costs no look at
// the bytes. Never changes: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace gotthard::perf::line_rate {

class Pattern {
 public:
  static constexpr std::size_t kPlaces = 65536;  // payloads begin at even ones of them
  static constexpr std::size_t kLongest = 9600;

  explicit Pattern(std::uint64_t seed);

  [[nodiscard]] const std::byte* at(std::size_t place) const { return &bytes_[place]; }
  // Of `length` bytes from an even place: their 16-bit words as they lie in memory, added up; the
  // last byte of an odd number with a zero behind it (RFC 1071).
  [[nodiscard]] std::uint64_t sum(std::size_t place, std::size_t length) const {
    const std::uint64_t odd =
        length % 2 == 0 ? 0 : static_cast<std::uint64_t>(bytes_[place + length - 1]);
    return sums_[(place + length) / 2] - sums_[place / 2] + odd;
  }

 private:
  std::vector<std::byte> bytes_;
  std::vector<std::uint64_t> sums_;  // of all words before the one of this number
};

}  // namespace gotthard::perf::line_rate
