// Any packets, eight at a time. They end together: their last block, the one with the lengths, is
// block 3 of the last step. Shorter packets begin later. What is before a packet's first block is
// zero without the bit that every block has above it, so the sum stays zero:
//
//   step            0                   1                        last
//   long packet     [aad|text|text|..]  [text|text|text|text]    [text|text|text|lengths]
//   short packet    [  0|   0|   0| 0]  [   0| aad|text|text]    [text|text|text|lengths]
#pragma once

#include <immintrin.h>

#include <cstring>

#include "crypto/aead_key.h"
#include "crypto/wide/inline.h"
#include "crypto/wide/poly1305_key.h"
#include "crypto/wide/poly1305_lanes.h"

namespace gotthard::crypto::wide {
namespace {

class PolyUnlike {
  static constexpr int kLanes = PolyLanes::kLanes;

 public:
  // `keys` without powers, of the packets jobs[order[0]] ..., count <= 8.
  static GOTTHARD_INLINE PolyNumber hash(const AeadJob* jobs, const std::uint8_t* order, int count,
                                         const PolyKey* keys, PolyLanes* lanes) {
    lanes->make_powers();
    PolyUnlike poly;
    poly.lanes_ = lanes;
    poly.take_packets(jobs, order, keys, count);
    // In registers, and not where a store to a packet might change it.
    PolyNumber h = {{_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()}};
    std::uint32_t step = 0;
    for (; step < poly.full_from_ && step < poly.steps_; ++step) {
      poly.any_step(step, &h);
    }
    for (; step + 1 < poly.steps_; ++step) {
      poly.middle_step(step, &h);
    }
    if (step < poly.steps_) {
      poly.any_step(step, &h);
    }
    return h;
  }

 private:
  GOTTHARD_INLINE void take_packets(const AeadJob* jobs, const std::uint8_t* order,
                                    const PolyKey* keys, int count) {
    std::uint32_t steps[kLanes] = {};
    std::uint32_t empty[kLanes] = {};  // blocks before the first one
    steps_ = 0;
    for (int i = 0; i < count; ++i) {
      const AeadJob& job = jobs[order[i]];
      const auto head = static_cast<std::uint32_t>(kChunkBytes * keys[i].chunks);
      const auto* text = reinterpret_cast<const std::uint8_t*>(job.text) + head;
      const std::uint32_t length = job.length - head;
      const std::uint32_t aad_blocks = head == 0 && job.aad_length != 0 ? 1 : 0;
      const std::uint32_t text_blocks = (length + 15) / 16;
      const std::uint32_t blocks = aad_blocks + text_blocks + 1;
      steps[i] = (blocks + 3) / 4;
      empty[i] = 4 * steps[i] - blocks;
      steps_ = steps[i] > steps_ ? steps[i] : steps_;
      // The text's first byte is byte `offset` of the first step.
      const std::uint32_t offset = 16 * (empty[i] + aad_blocks);
      PolyVector first = _mm512_maskz_loadu_epi8(
          first_bytes(offset + length) & ~first_bytes(offset),
          reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(text) - offset));
      if (aad_blocks != 0) {
        const __m128i aad =
            _mm_maskz_loadu_epi8(static_cast<__mmask16>((1U << job.aad_length) - 1), job.aad);
        first =
            _mm512_mask_broadcast_i32x4(first, static_cast<__mmask16>(0xf << (4 * empty[i])), aad);
      }
      const __m128i lengths = _mm_set_epi64x(static_cast<long long>(job.length),
                                             static_cast<long long>(job.aad_length));
      if (steps[i] == 1) {
        first = _mm512_inserti32x4(first, lengths, 3);
      } else {
        const std::uint32_t done = 16 * (text_blocks - 3);
        const PolyVector last = _mm512_maskz_loadu_epi8(first_bytes(length - done), text + done);
        _mm512_store_si512(last_[i], _mm512_inserti32x4(last, lengths, 3));
      }
      _mm512_store_si512(first_[i], first);
      base_[i] = reinterpret_cast<std::uintptr_t>(text) - offset;
    }
    full_from_ = 0;
    int longest = 0;
    for (int i = 0; i < count; ++i) {
      late_[i] = steps_ - steps[i];
      skip_[i] = 4 * late_[i] + empty[i];
      // From here on by the number of the step.
      base_[i] -= std::size_t{64} * late_[i];
      full_from_ = late_[i] + 1 > full_from_ ? late_[i] + 1 : full_from_;
      longest = late_[i] == 0 ? i : longest;
    }
    // Nobody asks what comes of lanes without a packet: they do again what another does.
    for (int i = count; i < kLanes; ++i) {
      late_[i] = 0;
      skip_[i] = 0;
      base_[i] = base_[longest];
      _mm512_store_si512(first_[i], _mm512_setzero_si512());
      _mm512_store_si512(last_[i], _mm512_setzero_si512());
    }
  }

  // A step in which some packet begins or ends.
  void any_step(std::uint32_t step, PolyNumber* h) const {
    static constexpr std::uint8_t kZeroes[64] = {};
    PolyVector word[kLanes];
    PolyVector bits[4];
    __mmask8 first[4];
#pragma GCC unroll 8
    for (int i = 0; i < kLanes; ++i) {
      const auto* place =
          reinterpret_cast<const std::uint8_t*>(base_[i] + std::uintptr_t{64} * step);
      place = step + 1 == steps_ ? last_[i] : place;
      place = step == late_[i] ? first_[i] : place;
      place = step < late_[i] ? kZeroes : place;
      word[i] = _mm512_loadu_si512(place);
    }
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) {
      const __m256i skip = _mm256_load_si256(reinterpret_cast<const __m256i*>(skip_));
      const __m256i block = _mm256_set1_epi32(static_cast<int>(4 * step) + k);
      bits[k] = _mm512_maskz_mov_epi64(_mm256_cmple_epi32_mask(skip, block),
                                       _mm512_set1_epi64(1LL << 40));
      first[k] = _mm256_cmpeq_epi32_mask(skip, block);
    }
    lanes_->absorb<true>(word, bits, first, h);
  }
  // One that is nothing but text for all of them.
  GOTTHARD_INLINE void middle_step(std::uint32_t step, PolyNumber* h) const {
    PolyVector word[kLanes];
#pragma GCC unroll 8
    for (int i = 0; i < kLanes; ++i) {
      word[i] =
          _mm512_loadu_si512(reinterpret_cast<const void*>(base_[i] + std::uintptr_t{64} * step));
    }
    const PolyVector bit = _mm512_set1_epi64(1LL << 40);
    const PolyVector bits[4] = {bit, bit, bit, bit};
    lanes_->absorb<false>(word, bits, nullptr, h);
  }

  const PolyLanes* lanes_;
  alignas(64) std::uint8_t first_[kLanes][64];
  alignas(64) std::uint8_t last_[kLanes][64];
  std::uintptr_t base_[kLanes];             // where step 0 of a text would begin
  std::uint32_t late_[kLanes];              // the step that a packet begins with
  alignas(32) std::uint32_t skip_[kLanes];  // the block that it begins with
  std::uint32_t steps_;
  std::uint32_t full_from_;  // the step from which on every block has its bit
};

}  // namespace
}  // namespace gotthard::crypto::wide
