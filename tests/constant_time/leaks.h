// Code that is wrong on purpose: what the tests here must find before they are believed when they
// find nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace gotthard::constant_time {

// Ends at the first byte that differs.
[[nodiscard]] bool early_out_equal(std::span<const std::byte> a, std::span<const std::byte> b);

// Branches on each bit.
[[nodiscard]] std::uint64_t branch_on_bits(std::span<const std::byte> secret);

// Looks each byte up in a table of 256 lines.
[[nodiscard]] std::uint64_t look_up(std::span<const std::byte> secret);
// The same by vectors, for disassembly_test.py to find: eight bytes at once, with AVX-512.
[[nodiscard]] std::uint64_t look_up_eight(std::uint64_t secret);
// Out of the caches, as somebody else's work would push it.
void evict_table();

}  // namespace gotthard::constant_time
