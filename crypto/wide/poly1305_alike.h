// Packets that are as long, their heads too, and associated data only in heads: nothing differs
// between lanes. After as many empty blocks as make whole steps,
//
//   step    0                   1                      last
//           [  0|   0|text|..]  [text|text|text|text]  [text|text|text|lengths]
#pragma once

#include <immintrin.h>

#include "crypto/aead_key.h"
#include "crypto/wide/inline.h"
#include "crypto/wide/poly1305_key.h"
#include "crypto/wide/poly1305_lanes.h"

namespace gotthard::crypto::wide {
namespace {

class PolyAlike {
  static constexpr int kLanes = PolyLanes::kLanes;

 public:
  static GOTTHARD_INLINE bool are_alike(const AeadJob* jobs, const std::uint8_t* order, int count,
                                        const PolyKey* keys) {
    const AeadJob& first = jobs[order[0]];
    std::uint64_t different = keys[0].chunks == 0 ? first.aad_length : 0;
    for (int i = 1; i < count; ++i) {
      const AeadJob& job = jobs[order[i]];
      different |= (job.length ^ first.length) | (job.aad_length ^ first.aad_length) |
                   (keys[i].chunks ^ keys[0].chunks);
    }
    return different == 0;
  }

  // `lanes` without powers, of the packets jobs[order[0]] ..., count <= 8.
  static GOTTHARD_INLINE PolyNumber hash(const AeadJob* jobs, const std::uint8_t* order, int count,
                                         const PolyKey* keys, PolyLanes* lanes) {
    const std::uint32_t all = jobs[order[0]].length;
    const auto head = static_cast<std::uint32_t>(kChunkBytes * keys[0].chunks);
    const std::uint32_t length = all - head;
    const std::uint32_t steps = ((length + 15) / 16 + 1 + 3) / 4;
    const std::uint32_t empty = 4 * steps - ((length + 15) / 16 + 1);
    Texts texts;
    // Nobody asks what comes of lanes without a packet: they do again what another does.
    for (int i = 0; i < kLanes; ++i) {
      texts.begin[i] =
          reinterpret_cast<std::uintptr_t>(jobs[order[i < count ? i : 0]].text) + head - 16 * empty;
    }
    texts.lengths = _mm512_broadcast_i32x4(_mm_set_epi64x(all, jobs[order[0]].aad_length));

    const __mmask64 text = first_bytes(16 * empty + length) & ~first_bytes(16 * empty);
    PolyVector word[kLanes];
    texts.load(0, text, steps == 1, word);
    if (steps <= kFew) {
      PolyNumber h = lanes->head();
      lanes->absorb_each(word, static_cast<int>(empty), &h);
      if (steps == kFew) {
        texts.load(64, first_bytes(16 * empty + length - 64), true, word);
        lanes->absorb_each(word, 0, &h);
      }
      return h;
    }

    lanes->make_powers();
    const PolyVector zero = _mm512_setzero_si512();
    const PolyVector bit = _mm512_set1_epi64(1LL << 40);
    PolyNumber h = {{zero, zero, zero}};
    PolyVector bits[4];
    __mmask8 first[4];
#pragma GCC unroll 4
    for (std::uint32_t k = 0; k < 4; ++k) {
      bits[k] = _mm512_maskz_mov_epi64(k < empty ? 0 : 0xff, bit);
      first[k] = k == empty ? 0xff : 0;
    }
    lanes->absorb<true>(word, bits, first, &h);
#pragma GCC unroll 4
    for (PolyVector& each : bits) {
      each = bit;
    }
    std::uint32_t at = 64;
    for (std::uint32_t step = 2; step < steps; ++step, at += 64) {
      texts.load(at, ~__mmask64{0}, false, word);
      lanes->absorb<false>(word, bits, nullptr, &h);
    }
    texts.load(at, first_bytes(16 * empty + length - at), true, word);
    lanes->absorb<false>(word, bits, nullptr, &h);
    return h;
  }

 private:
  // Up to so many steps powers of r cost more than they save.
  static constexpr std::uint32_t kFew = 2;

  struct Texts {
    std::uintptr_t begin[kLanes];
    PolyVector lengths;

    // A step's blocks of each: bytes that `mask` has.
    GOTTHARD_INLINE void load(std::uint32_t at, __mmask64 mask, bool last,
                              PolyVector word[kLanes]) const {
      const auto fourth = static_cast<__mmask16>(last ? 0xf000 : 0);
#pragma GCC unroll 8
      for (int i = 0; i < kLanes; ++i) {
        word[i] = _mm512_mask_mov_epi32(
            _mm512_maskz_loadu_epi8(mask, reinterpret_cast<const void*>(begin[i] + at)), fourth,
            lengths);
      }
    }
  };
};

}  // namespace
}  // namespace gotthard::crypto::wide
