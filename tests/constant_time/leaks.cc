#include "tests/constant_time/leaks.h"

#include <immintrin.h>

#include <array>
#include <numeric>

namespace gotthard::constant_time {
namespace {

struct alignas(64) Line {
  std::uint64_t value;
};
std::array<Line, 256> table;

}  // namespace

bool early_out_equal(std::span<const std::byte> a, std::span<const std::byte> b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i]) {
      return false;
    }
  }
  return true;
}

std::uint64_t branch_on_bits(std::span<const std::byte> secret) {
  std::uint64_t ones = 0;
  for (const std::byte byte : secret) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      if ((byte >> bit & std::byte{1}) != std::byte{0}) {
        // A compiler would add the bit up without a branch.
        asm volatile("" : "+r"(ones));
        ++ones;
      }
    }
  }
  return ones;
}

std::uint64_t look_up(std::span<const std::byte> secret) {
  std::uint64_t sum = 0;
  for (const std::byte byte : secret) {
    // As it is in memory now.
    sum +=
        *const_cast<const volatile std::uint64_t*>(&table[std::to_integer<unsigned>(byte)].value);
  }
  return sum;
}

__attribute__((target("avx512f"))) std::uint64_t look_up_eight(std::uint64_t secret) {
  const __m512i zero = _mm512_setzero_si512();
  const __m512i lines =
      _mm512_maskz_cvtepu8_epi64(0xff, _mm_set_epi64x(0, static_cast<long long>(secret)));
  std::array<std::uint64_t, 8> found;
  _mm512_storeu_si512(
      found.data(), _mm512_mask_i64gather_epi64(zero, 0xff, _mm512_maskz_slli_epi64(0xff, lines, 3),
                                                table.data(), 8));
  return std::accumulate(found.begin(), found.end(), std::uint64_t{0});
}

void evict_table() {
  for (const Line& line : table) {
    _mm_clflush(&line);
  }
  _mm_mfence();
}

}  // namespace gotthard::constant_time
