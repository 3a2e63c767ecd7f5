// Internet checksums (RFC 1071) from sums of 16-bit words as they lie in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "dataplane/wire/endian.h"

namespace gotthard::perf::line_rate {

// Of an even number of bytes.
[[nodiscard]] inline std::uint64_t sum_of(const void* data, std::size_t length) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < length; i += sizeof(std::uint16_t)) {
    std::uint16_t word = 0;
    std::memcpy(&word, static_cast<const std::byte*>(data) + i, sizeof(word));
    sum += word;
  }
  return sum;
}

[[nodiscard]] inline std::uint16_t folded(std::uint64_t sum) {
  while (sum > 0xffff) {
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<std::uint16_t>(sum);
}

// A number as a word of such a sum.
[[nodiscard]] inline std::uint64_t in_wire_order(std::size_t number) {
  return wire::swap_bytes(static_cast<std::uint16_t>(number));
}

}  // namespace gotthard::perf::line_rate
