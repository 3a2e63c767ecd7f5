// What GHASH takes before a text: the associated data.
#pragma once

#include <immintrin.h>

#include "crypto/aead_key.h"
#include "crypto/wide/gcm_ghash.h"
#include "crypto/wide/gcm_text.h"
#include "crypto/wide/inline.h"

namespace gotthard::crypto::wide {
namespace {

GOTTHARD_INLINE __m128i load_up_to_16(const std::uint8_t* bytes, std::uint32_t count) {
  if (count == 8) {
    return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(bytes));
  }
  alignas(16) std::uint8_t copy[16] = {};
  for (std::uint32_t i = 0; i < count; ++i) {
    copy[i] = bytes[i];
  }
  return _mm_load_si128(reinterpret_cast<const __m128i*>(copy));
}

// All of it, where it is one block at most.
GOTTHARD_INLINE __m128i aad_block(const AeadJob& job) {
  return load_up_to_16(reinterpret_cast<const std::uint8_t*>(job.aad), job.aad_length);
}

// The sum that a packet's first window begins with, for associated data of any length but none.
template <typename V>
GOTTHARD_INLINE GhashSum<V> aad_before(const GcmText<V>& text, const AeadJob& job) {
  const __m128i reverse = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const auto power = [&text](std::uint32_t exponent) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(GcmText<V>::power(text.key, exponent)));
  };
  const auto* aad = reinterpret_cast<const std::uint8_t*>(job.aad);
  __m128i sum = _mm_setzero_si128();
  std::uint32_t left = job.aad_length;
  for (; left > 16; left -= 16, aad += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(aad));
    sum = multiply_blocks<V>(_mm_xor_si128(sum, _mm_shuffle_epi8(block, reverse)), power(1));
  }
  sum = _mm_xor_si128(sum, _mm_shuffle_epi8(load_up_to_16(aad, left), reverse));
  const __m128i h = power(1 + text.window_blocks(0));
  return {V::widen(_mm_clmulepi64_si128(sum, h, 0x00)),
          V::widen(_mm_xor_si128(_mm_clmulepi64_si128(sum, h, 0x01),
                                 _mm_clmulepi64_si128(sum, h, 0x10))),
          V::widen(_mm_clmulepi64_si128(sum, h, 0x11))};
}

}  // namespace
}  // namespace gotthard::crypto::wide
