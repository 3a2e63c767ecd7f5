// A word of 16 blocks of ChaCha20 in a vector: AVX-512.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "crypto/wide/chacha20_rounds.h"
#include "crypto/wide/inline.h"

namespace gotthard::crypto::wide {
namespace {

struct LanesAvx512 {
  using Vector = __m512i;
  using Mask = __mmask16;
  static constexpr std::uint32_t kLanes = 16;

  static GOTTHARD_INLINE Vector zero() { return _mm512_setzero_si512(); }
  static GOTTHARD_INLINE Vector all(std::uint32_t word) {
    return _mm512_set1_epi32(static_cast<int>(word));
  }
  static GOTTHARD_INLINE Vector numbers() {
    return _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  }
  static GOTTHARD_INLINE Vector add(Vector a, Vector b) { return _mm512_add_epi32(a, b); }
  static GOTTHARD_INLINE void store(std::uint32_t* words, Vector a) {
    _mm512_store_si512(words, a);
  }
  // Lanes from number `lane` on.
  static GOTTHARD_INLINE Mask from(std::uint32_t lane) {
    return static_cast<Mask>(0xffffU << lane);
  }
  static GOTTHARD_INLINE Vector put(Vector a, Mask lanes, std::uint32_t word) {
    return _mm512_mask_set1_epi32(a, lanes, static_cast<int>(word));
  }
  static GOTTHARD_INLINE void put(std::uint32_t* words, Mask lanes, std::uint32_t word) {
    _mm512_mask_store_epi32(words, lanes, all(word));
  }
  // 32 bytes, and as many zeroes after them.
  static GOTTHARD_INLINE void store_wide(void* p, __m256i a) {
    _mm512_store_si512(p, _mm512_zextsi256_si512(a));
  }

  // A block of key stream goes onto 64 bytes of text, or fewer.
  static GOTTHARD_INLINE void add_block(std::uint8_t* text, const std::uint8_t* block) {
    _mm512_storeu_si512(text, _mm512_xor_si512(_mm512_loadu_si512(text), _mm512_load_si512(block)));
  }
  static GOTTHARD_INLINE void add_part(std::uint8_t* text, const std::uint8_t* block,
                                       std::uint32_t bytes) {
    const __mmask64 mask = _bzhi_u64(~std::uint64_t{0}, bytes);
    _mm512_mask_storeu_epi8(
        text, mask,
        _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, text), _mm512_load_si512(block)));
  }

  static GOTTHARD_INLINE void run_one(const ChaChaWords<kLanes>* initial,
                                      ChaChaBlocks<kLanes>* stream) {
    gotthard_chacha20_16(initial, stream);
  }
  static GOTTHARD_INLINE void run_two(const ChaChaWords<kLanes>* initial,
                                      ChaChaBlocks<kLanes>* stream) {
    gotthard_chacha20_2x16(initial, stream);
  }
  static GOTTHARD_INLINE void run_two(const ChaChaWords<kLanes>* initial,
                                      ChaChaBlocks<kLanes>* stream, PolyRun* run) {
    gotthard_chacha20_2x16_poly1305(initial, stream, run);
  }
};

}  // namespace
}  // namespace gotthard::crypto::wide
