// The jobs of a batch as bits of a word: bit i stands for job i.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace gotthard::crypto {

using BitSet = std::uint64_t;

[[nodiscard]] constexpr bool has(BitSet set, std::size_t bit) { return (set >> bit & 1) != 0; }
[[nodiscard]] constexpr BitSet bit(std::size_t index) { return BitSet{1} << index; }
[[nodiscard]] constexpr BitSet first_bits(std::size_t count) {
  return count == 0 ? 0 : ~BitSet{0} >> (64 - count);
}

template <typename Function>
void for_each(BitSet set, Function function) {
  for (; set != 0; set &= set - 1) {
    function(static_cast<std::size_t>(std::countr_zero(set)));
  }
}

}  // namespace gotthard::crypto
