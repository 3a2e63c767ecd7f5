// Four blocks of 16 bytes: AVX-512 with VAES and VPCLMULQDQ.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "crypto/wide/inline.h"

namespace gotthard::crypto::wide {
namespace {

struct Avx512 {
  using Vector = __m512i;
  static constexpr int kBlocks = 4;

  static GOTTHARD_INLINE Vector zero() { return _mm512_setzero_si512(); }
  static GOTTHARD_INLINE Vector broadcast(__m128i block) { return _mm512_broadcast_i32x4(block); }
  static GOTTHARD_INLINE Vector widen(__m128i block) { return _mm512_zextsi128_si512(block); }
  static GOTTHARD_INLINE __m128i first(Vector a) { return _mm512_castsi512_si128(a); }
  static GOTTHARD_INLINE Vector load(const void* p) { return _mm512_loadu_si512(p); }
  static GOTTHARD_INLINE void store(void* p, Vector a) { _mm512_storeu_si512(p, a); }
  static GOTTHARD_INLINE __mmask64 mask(std::uint32_t count) {
    return _bzhi_u64(~std::uint64_t{0}, count);
  }
  static GOTTHARD_INLINE Vector load_part(const void* p, std::uint32_t count) {
    return _mm512_maskz_loadu_epi8(mask(count), p);
  }
  static GOTTHARD_INLINE void store_part(void* p, Vector a, std::uint32_t count) {
    _mm512_mask_storeu_epi8(p, mask(count), a);
  }
  // The first `count` bytes, zeroes after them.
  static GOTTHARD_INLINE Vector part(Vector a, std::uint32_t count) {
    return _mm512_maskz_mov_epi8(mask(count), a);
  }
  // The same of one block.
  static GOTTHARD_INLINE __m128i load_block(const void* p, std::uint32_t count) {
    return _mm_maskz_loadu_epi8(static_cast<__mmask16>(mask(count)), p);
  }
  static GOTTHARD_INLINE void store_block(void* p, __m128i a, std::uint32_t count) {
    _mm_mask_storeu_epi8(p, static_cast<__mmask16>(mask(count)), a);
  }
  static GOTTHARD_INLINE __m128i part_of_block(__m128i a, std::uint32_t count) {
    return _mm_maskz_mov_epi8(static_cast<__mmask16>(mask(count)), a);
  }
  static GOTTHARD_INLINE void prefetch(const void* p) {
    _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0);
  }

  static GOTTHARD_INLINE Vector add(Vector a, Vector b) { return _mm512_xor_si512(a, b); }
  static GOTTHARD_INLINE Vector add3(Vector a, Vector b, Vector c) {
    return _mm512_ternarylogic_epi64(a, b, c, 0x96);
  }
  static GOTTHARD_INLINE Vector add32(Vector a, Vector b) { return _mm512_add_epi32(a, b); }
  static GOTTHARD_INLINE Vector encrypt(Vector state, Vector round_keys) {
    return _mm512_aesenc_epi128(state, round_keys);
  }
  static GOTTHARD_INLINE Vector encrypt_last(Vector state, Vector round_keys) {
    return _mm512_aesenclast_epi128(state, round_keys);
  }
  template <int kHalves>
  static GOTTHARD_INLINE Vector multiply(Vector a, Vector b) {
    return _mm512_clmulepi64_epi128(a, b, kHalves);
  }
  static GOTTHARD_INLINE Vector swap_halves(Vector a) {
    return _mm512_shuffle_epi32(a, static_cast<_MM_PERM_ENUM>(0x4e));
  }
  // The bytes of each block, last one first.
  static GOTTHARD_INLINE Vector reverse(Vector a) {
    return _mm512_shuffle_epi8(
        a, broadcast(_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)));
  }

  // Blocks of counters of one nonce: vector `step` of the text has 2 + 4 * step and so on.
  static GOTTHARD_INLINE Vector counters(__m128i nonce, std::uint32_t step) {
    const Vector number =
        _mm512_add_epi32(_mm512_setr_epi32(2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0),
                         _mm512_maskz_set1_epi32(0x1111, static_cast<int>(4 * step)));
    const Vector big_endian = _mm512_shuffle_epi8(
        number,
        broadcast(_mm_set_epi8(0, 1, 2, 3, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1)));
    return add(broadcast(nonce), big_endian);
  }
  // To be added while the last byte does not overflow.
  static GOTTHARD_INLINE Vector counter_step() {
    return broadcast(_mm_set_epi32(4 << 24, 0, 0, 0));
  }

  static GOTTHARD_INLINE Vector join(const __m128i blocks[4]) {
    const __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(blocks[0]), blocks[1], 1);
    const __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(blocks[2]), blocks[3], 1);
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
  }
  static GOTTHARD_INLINE void split(Vector a, __m128i blocks[4]) {
    blocks[0] = _mm512_castsi512_si128(a);
    blocks[1] = _mm512_extracti32x4_epi32(a, 1);
    blocks[2] = _mm512_extracti32x4_epi32(a, 2);
    blocks[3] = _mm512_extracti32x4_epi32(a, 3);
  }
  // Block i: the sum of all blocks of a[i].
  static GOTTHARD_INLINE Vector sum_of_each(const Vector a[4]) {
    const Vector x =
        add(_mm512_shuffle_i64x2(a[0], a[1], 0x88), _mm512_shuffle_i64x2(a[0], a[1], 0xdd));
    const Vector y =
        add(_mm512_shuffle_i64x2(a[2], a[3], 0x88), _mm512_shuffle_i64x2(a[2], a[3], 0xdd));
    return add(_mm512_shuffle_i64x2(x, y, 0x88), _mm512_shuffle_i64x2(x, y, 0xdd));
  }
};

}  // namespace
}  // namespace gotthard::crypto::wide
