// Two blocks of 16 bytes: AVX2 with VAES and VPCLMULQDQ, which some CPUs have without AVX-512.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "crypto/wide/inline.h"

namespace gotthard::crypto::wide {
namespace {

struct Avx2 {
  using Vector = __m256i;
  static constexpr int kBlocks = 2;

  static GOTTHARD_INLINE Vector zero() { return _mm256_setzero_si256(); }
  static GOTTHARD_INLINE Vector broadcast(__m128i block) {
    return _mm256_broadcastsi128_si256(block);
  }
  static GOTTHARD_INLINE Vector widen(__m128i block) {
    return _mm256_inserti128_si256(_mm256_setzero_si256(), block, 0);
  }
  static GOTTHARD_INLINE __m128i first(Vector a) { return _mm256_castsi256_si128(a); }
  static GOTTHARD_INLINE Vector load(const void* p) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(p));
  }
  static GOTTHARD_INLINE void store(void* p, Vector a) {
    _mm256_storeu_si256(static_cast<__m256i*>(p), a);
  }
  // No masks here: parts go through the stack.
  static GOTTHARD_INLINE Vector load_part(const void* p, std::uint32_t count) {
    alignas(32) std::uint8_t copy[32] = {};
    std::memcpy(copy, p, count);
    return load(copy);
  }
  static GOTTHARD_INLINE void store_part(void* p, Vector a, std::uint32_t count) {
    alignas(32) std::uint8_t copy[32];
    store(copy, a);
    std::memcpy(p, copy, count);
  }
  static GOTTHARD_INLINE Vector part(Vector a, std::uint32_t count) {
    const Vector places =
        _mm256_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
                         21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31);
    return _mm256_and_si256(a,
                            _mm256_cmpgt_epi8(_mm256_set1_epi8(static_cast<char>(count)), places));
  }
  static GOTTHARD_INLINE __m128i load_block(const void* p, std::uint32_t count) {
    alignas(16) std::uint8_t copy[16] = {};
    std::memcpy(copy, p, count);
    return _mm_load_si128(reinterpret_cast<const __m128i*>(copy));
  }
  static GOTTHARD_INLINE void store_block(void* p, __m128i a, std::uint32_t count) {
    alignas(16) std::uint8_t copy[16];
    _mm_store_si128(reinterpret_cast<__m128i*>(copy), a);
    std::memcpy(p, copy, count);
  }
  static GOTTHARD_INLINE __m128i part_of_block(__m128i a, std::uint32_t count) {
    return first(part(widen(a), count));
  }
  static GOTTHARD_INLINE void prefetch(const void* p) {
    _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0);
  }

  static GOTTHARD_INLINE Vector add(Vector a, Vector b) { return _mm256_xor_si256(a, b); }
  static GOTTHARD_INLINE Vector add3(Vector a, Vector b, Vector c) { return add(a, add(b, c)); }
  static GOTTHARD_INLINE Vector add32(Vector a, Vector b) { return _mm256_add_epi32(a, b); }
  static GOTTHARD_INLINE Vector encrypt(Vector state, Vector round_keys) {
    return _mm256_aesenc_epi128(state, round_keys);
  }
  static GOTTHARD_INLINE Vector encrypt_last(Vector state, Vector round_keys) {
    return _mm256_aesenclast_epi128(state, round_keys);
  }
  template <int kHalves>
  static GOTTHARD_INLINE Vector multiply(Vector a, Vector b) {
    return _mm256_clmulepi64_epi128(a, b, kHalves);
  }
  static GOTTHARD_INLINE Vector swap_halves(Vector a) { return _mm256_shuffle_epi32(a, 0x4e); }
  static GOTTHARD_INLINE Vector reverse(Vector a) {
    return _mm256_shuffle_epi8(
        a, broadcast(_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)));
  }

  static GOTTHARD_INLINE Vector counters(__m128i nonce, std::uint32_t step) {
    const int first = static_cast<int>(2 * step);
    const Vector number = _mm256_setr_epi32(first + 2, 0, 0, 0, first + 3, 0, 0, 0);
    const Vector big_endian = _mm256_shuffle_epi8(
        number,
        broadcast(_mm_set_epi8(0, 1, 2, 3, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1)));
    return add(broadcast(nonce), big_endian);
  }
  static GOTTHARD_INLINE Vector counter_step() {
    return broadcast(_mm_set_epi32(2 << 24, 0, 0, 0));
  }

  static GOTTHARD_INLINE Vector join(const __m128i blocks[2]) {
    return _mm256_inserti128_si256(_mm256_castsi128_si256(blocks[0]), blocks[1], 1);
  }
  static GOTTHARD_INLINE void split(Vector a, __m128i blocks[2]) {
    blocks[0] = _mm256_castsi256_si128(a);
    blocks[1] = _mm256_extracti128_si256(a, 1);
  }
  static GOTTHARD_INLINE Vector sum_of_each(const Vector a[2]) {
    return add(_mm256_permute2x128_si256(a[0], a[1], 0x20),
               _mm256_permute2x128_si256(a[0], a[1], 0x31));
  }
};

}  // namespace
}  // namespace gotthard::crypto::wide
