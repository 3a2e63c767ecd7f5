// A word of 8 blocks of ChaCha20 in a vector: AVX2.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "crypto/wide/chacha20_rounds.h"
#include "crypto/wide/inline.h"

namespace gotthard::crypto::wide {
namespace {

struct LanesAvx2 {
  using Vector = __m256i;
  using Mask = __m256i;
  static constexpr std::uint32_t kLanes = 8;

  static GOTTHARD_INLINE Vector zero() { return _mm256_setzero_si256(); }
  static GOTTHARD_INLINE Vector all(std::uint32_t word) {
    return _mm256_set1_epi32(static_cast<int>(word));
  }
  static GOTTHARD_INLINE Vector numbers() { return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7); }
  static GOTTHARD_INLINE Vector add(Vector a, Vector b) { return _mm256_add_epi32(a, b); }
  static GOTTHARD_INLINE void store(std::uint32_t* words, Vector a) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(words), a);
  }
  // Lanes from number `lane` on.
  static GOTTHARD_INLINE Mask from(std::uint32_t lane) {
    return _mm256_cmpgt_epi32(numbers(), _mm256_set1_epi32(static_cast<int>(lane) - 1));
  }
  static GOTTHARD_INLINE Vector put(Vector a, Mask lanes, std::uint32_t word) {
    return _mm256_blendv_epi8(a, all(word), lanes);
  }
  static GOTTHARD_INLINE void put(std::uint32_t* words, Mask lanes, std::uint32_t word) {
    store(words, put(_mm256_load_si256(reinterpret_cast<const __m256i*>(words)), lanes, word));
  }
  // 32 bytes, and as many zeroes after them.
  static GOTTHARD_INLINE void store_wide(void* p, __m256i a) {
    _mm256_store_si256(static_cast<__m256i*>(p), a);
    _mm256_store_si256(static_cast<__m256i*>(p) + 1, zero());
  }

  // A block of key stream goes onto 64 bytes of text, or fewer.
  static GOTTHARD_INLINE void add_block(std::uint8_t* text, const std::uint8_t* block) {
    add_half(text, block);
    add_half(text + 32, block + 32);
  }
  static GOTTHARD_INLINE void add_part(std::uint8_t* text, const std::uint8_t* block,
                                       std::uint32_t bytes) {
    if ((bytes & 32) != 0) {
      add_half(text, block);
      text += 32;
      block += 32;
    }
    if ((bytes & 16) != 0) {
      auto* to = reinterpret_cast<__m128i*>(text);
      _mm_storeu_si128(to, _mm_xor_si128(_mm_loadu_si128(to),
                                         _mm_load_si128(reinterpret_cast<const __m128i*>(block))));
      text += 16;
      block += 16;
    }
    add_word<std::uint64_t>(&text, &block, bytes);
    add_word<std::uint32_t>(&text, &block, bytes);
    add_word<std::uint16_t>(&text, &block, bytes);
    add_word<std::uint8_t>(&text, &block, bytes);
  }

  static GOTTHARD_INLINE void run_one(const ChaChaWords<kLanes>* initial,
                                      ChaChaBlocks<kLanes>* stream) {
    gotthard_chacha20_8(initial, stream);
  }
  static GOTTHARD_INLINE void run_two(const ChaChaWords<kLanes>* initial,
                                      ChaChaBlocks<kLanes>* stream) {
    gotthard_chacha20_2x8(initial, stream);
  }
  static GOTTHARD_INLINE void run_two(const ChaChaWords<kLanes>* initial,
                                      ChaChaBlocks<kLanes>* stream, PolyRun* run) {
    gotthard_chacha20_2x8_poly1305(initial, stream, run);
  }

 private:
  static GOTTHARD_INLINE void add_half(std::uint8_t* text, const std::uint8_t* block) {
    auto* to = reinterpret_cast<__m256i*>(text);
    _mm256_storeu_si256(
        to, _mm256_xor_si256(_mm256_loadu_si256(to),
                             _mm256_load_si256(reinterpret_cast<const __m256i*>(block))));
  }
  // If `bytes` has the bit of this word's size.
  template <typename Word>
  static GOTTHARD_INLINE void add_word(std::uint8_t** text, const std::uint8_t** block,
                                       std::uint32_t bytes) {
    if ((bytes & sizeof(Word)) != 0) {
      Word a;
      Word b;
      std::memcpy(&a, *text, sizeof(a));
      std::memcpy(&b, *block, sizeof(b));
      a = static_cast<Word>(a ^ b);
      std::memcpy(*text, &a, sizeof(a));
      *text += sizeof(Word);
      *block += sizeof(Word);
    }
  }
};

}  // namespace
}  // namespace gotthard::crypto::wide
