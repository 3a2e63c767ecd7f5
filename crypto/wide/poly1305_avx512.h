// Poly1305 (RFC 8439, 2.5) over eight packets at once, with AVX-512 IFMA: a packet has a lane of 64
// bits, with a key of its own, and no power of a key has to be joined with another at the end.
//
//               lane 0          lane 1                lane 7
//   h[0]        packet 0        packet 1      ...     packet 7       44 bits
//   h[1]        packet 0        ...                                  44 bits
//   h[2]        packet 0        ...                                  42 bits
//
// A step takes 64 bytes of each packet, transposed so that a vector has one word of 8 bytes of
// each, and adds four products: block 0 x r^4, block 1 x r^3, block 2 x r^2, block 3 x r. Packets
// end together: their last block, the one with the lengths, is block 3 of the last step. Shorter
// packets begin later. What is before a packet's first block is zero without the bit that every
// block has above it, so the sum stays zero:
//
//   step            0                   1                        last
//   long packet     [aad|text|text|..]  [text|text|text|text]    [text|text|text|lengths]
//   short packet    [  0|   0|   0| 0]  [   0| aad|text|text]    [text|text|text|lengths]
#pragma once

#include <immintrin.h>

#include <cstring>

#include "crypto/aead_key.h"
#include "crypto/wide/inline.h"
#include "crypto/wide/poly1305_heads.h"

namespace gotthard::crypto::wide {
namespace {

class Poly8 {
  using Vector = __m512i;
  static constexpr int kLanes = 8;

 public:
  static constexpr std::uint32_t kLongestAad = 16;

  // The tags of the packets jobs[order[0]] ... jobs[order[count - 1]], count <= 8; keys[i] is that
  // of the packet order[i]. Texts are as they travel: sealed.
  static void tags(const AeadJob* jobs, const std::uint8_t* order, int count, const PolyKey* keys,
                   __m128i* tags) {
    Poly8 poly;
    poly.take_keys(keys, count);
    poly.take_packets(jobs, order, keys, count);
    // In registers, and not where a store to a packet might change it.
    Number h = {{_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()}};
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
    poly.h_ = h;
    poly.finish(tags, count);
  }

 private:
  struct Number {
    Vector limb[3];
  };
  // A power of r, with what the wrap-around at 2^130 multiplies its upper limbs by: 20.
  struct Factor {
    Vector r0, r1, r2, s1, s2;
  };
  struct Sum {
    Vector low[3], high[3];
  };

  static GOTTHARD_INLINE Vector mask44() { return _mm512_set1_epi64((1LL << 44) - 1); }
  static GOTTHARD_INLINE Vector mask42() { return _mm512_set1_epi64((1LL << 42) - 1); }

  static GOTTHARD_INLINE Number split(Vector low, Vector high) {
    return {{_mm512_and_si512(low, mask44()),
             _mm512_and_si512(_mm512_shrdi_epi64(low, high, 44), mask44()),
             _mm512_srli_epi64(high, 24)}};
  }
  static GOTTHARD_INLINE Factor factor(const Number& n) {
    const auto times20 = [](Vector a) {
      return _mm512_slli_epi64(_mm512_add_epi64(a, _mm512_slli_epi64(a, 2)), 2);
    };
    return {n.limb[0], n.limb[1], n.limb[2], times20(n.limb[1]), times20(n.limb[2])};
  }
  static GOTTHARD_INLINE void add_product(Sum* sum, int limb, Vector a, Vector b) {
    sum->low[limb] = _mm512_madd52lo_epu64(sum->low[limb], a, b);
    sum->high[limb] = _mm512_madd52hi_epu64(sum->high[limb], a, b);
  }
  static GOTTHARD_INLINE void add_product(Sum* sum, const Number& m, const Factor& f) {
    add_product(sum, 0, m.limb[0], f.r0);
    add_product(sum, 1, m.limb[0], f.r1);
    add_product(sum, 2, m.limb[0], f.r2);
    add_product(sum, 0, m.limb[1], f.s2);
    add_product(sum, 1, m.limb[1], f.r0);
    add_product(sum, 2, m.limb[1], f.r1);
    add_product(sum, 0, m.limb[2], f.s1);
    add_product(sum, 1, m.limb[2], f.s2);
    add_product(sum, 2, m.limb[2], f.r0);
  }
  static GOTTHARD_INLINE Sum nothing() {
    const Vector z = _mm512_setzero_si512();
    return {{z, z, z}, {z, z, z}};
  }
  // Back to limbs of 44, 44 and 42 bits; the high halves of products weigh 2^52.
  static GOTTHARD_INLINE Number carry(const Sum& s) {
    Vector c = _mm512_add_epi64(_mm512_srli_epi64(s.low[0], 44), _mm512_slli_epi64(s.high[0], 8));
    Vector h0 = _mm512_and_si512(s.low[0], mask44());
    Vector h1 = _mm512_add_epi64(s.low[1], c);
    c = _mm512_add_epi64(_mm512_srli_epi64(h1, 44), _mm512_slli_epi64(s.high[1], 8));
    h1 = _mm512_and_si512(h1, mask44());
    Vector h2 = _mm512_add_epi64(s.low[2], c);
    c = _mm512_add_epi64(_mm512_srli_epi64(h2, 42), _mm512_slli_epi64(s.high[2], 10));
    h2 = _mm512_and_si512(h2, mask42());
    h0 = _mm512_add_epi64(h0, _mm512_add_epi64(c, _mm512_slli_epi64(c, 2)));
    c = _mm512_srli_epi64(h0, 44);
    return {{_mm512_and_si512(h0, mask44()), _mm512_add_epi64(h1, c), h2}};
  }

  static GOTTHARD_INLINE Number product(const Number& m, const Factor& f) {
    Sum sum = nothing();
    add_product(&sum, m, f);
    return carry(sum);
  }

  // Eight rows of eight words become eight columns.
  static GOTTHARD_INLINE void transpose(Vector v[8]) {
    const Vector a0 = _mm512_unpacklo_epi64(v[0], v[1]);
    const Vector a1 = _mm512_unpackhi_epi64(v[0], v[1]);
    const Vector a2 = _mm512_unpacklo_epi64(v[2], v[3]);
    const Vector a3 = _mm512_unpackhi_epi64(v[2], v[3]);
    const Vector a4 = _mm512_unpacklo_epi64(v[4], v[5]);
    const Vector a5 = _mm512_unpackhi_epi64(v[4], v[5]);
    const Vector a6 = _mm512_unpacklo_epi64(v[6], v[7]);
    const Vector a7 = _mm512_unpackhi_epi64(v[6], v[7]);
    const Vector b0 = _mm512_shuffle_i64x2(a0, a2, 0x88);
    const Vector b1 = _mm512_shuffle_i64x2(a0, a2, 0xdd);
    const Vector b2 = _mm512_shuffle_i64x2(a4, a6, 0x88);
    const Vector b3 = _mm512_shuffle_i64x2(a4, a6, 0xdd);
    const Vector c0 = _mm512_shuffle_i64x2(a1, a3, 0x88);
    const Vector c1 = _mm512_shuffle_i64x2(a1, a3, 0xdd);
    const Vector c2 = _mm512_shuffle_i64x2(a5, a7, 0x88);
    const Vector c3 = _mm512_shuffle_i64x2(a5, a7, 0xdd);
    v[0] = _mm512_shuffle_i64x2(b0, b2, 0x88);
    v[4] = _mm512_shuffle_i64x2(b0, b2, 0xdd);
    v[2] = _mm512_shuffle_i64x2(b1, b3, 0x88);
    v[6] = _mm512_shuffle_i64x2(b1, b3, 0xdd);
    v[1] = _mm512_shuffle_i64x2(c0, c2, 0x88);
    v[5] = _mm512_shuffle_i64x2(c0, c2, 0xdd);
    v[3] = _mm512_shuffle_i64x2(c1, c3, 0x88);
    v[7] = _mm512_shuffle_i64x2(c1, c3, 0xdd);
  }

  GOTTHARD_INLINE void take_keys(const PolyKey* keys, int count) {
    Vector v[8];
    for (int i = 0; i < kLanes; ++i) {
      v[i] = i < count ? _mm512_load_si512(&keys[i]) : _mm512_setzero_si512();
    }
    transpose(v);
    s_low_ = v[2];
    s_high_ = v[3];
    head_ = {{_mm512_and_si512(v[4], mask44()),
              _mm512_and_si512(_mm512_shrdi_epi64(v[4], v[5], 44), mask44()),
              _mm512_or_si512(_mm512_srli_epi64(v[5], 24), _mm512_slli_epi64(v[6], 40))}};
    has_heads_ = _mm512_test_epi64_mask(v[7], v[7]) != 0;
    const Number r = split(_mm512_and_si512(v[0], _mm512_set1_epi64(0x0ffffffc0fffffffLL)),
                           _mm512_and_si512(v[1], _mm512_set1_epi64(0x0ffffffc0ffffffcLL)));
    power_[3] = factor(r);
    const Number square = product(r, power_[3]);
    power_[2] = factor(square);
    power_[1] = factor(product(square, power_[3]));
    power_[0] = factor(product(square, power_[2]));
  }

  static GOTTHARD_INLINE __mmask64 first_bytes(std::uint32_t count) {
    return _bzhi_u64(~std::uint64_t{0}, count < 64 ? count : 64);
  }

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
      const std::uint32_t aad_blocks = job.aad_length != 0 ? 1 : 0;
      const std::uint32_t text_blocks = (length + 15) / 16;
      const std::uint32_t blocks = aad_blocks + text_blocks + 1;
      steps[i] = (blocks + 3) / 4;
      empty[i] = 4 * steps[i] - blocks;
      steps_ = steps[i] > steps_ ? steps[i] : steps_;
      // The text's first byte is byte `offset` of the first step.
      const std::uint32_t offset = 16 * (empty[i] + aad_blocks);
      Vector first = _mm512_maskz_loadu_epi8(
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
        const Vector last = _mm512_maskz_loadu_epi8(first_bytes(length - done), text + done);
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
  void any_step(std::uint32_t step, Number* h) const {
    static constexpr std::uint8_t kZeroes[64] = {};
    Vector word[kLanes];
    Vector bits[4];
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
    absorb<true>(word, bits, first, h);
  }
  // One that is nothing but text for all of them.
  GOTTHARD_INLINE void middle_step(std::uint32_t step, Number* h) const {
    Vector word[kLanes];
#pragma GCC unroll 8
    for (int i = 0; i < kLanes; ++i) {
      word[i] =
          _mm512_loadu_si512(reinterpret_cast<const void*>(base_[i] + std::uintptr_t{64} * step));
    }
    const Vector bit = _mm512_set1_epi64(1LL << 40);
    const Vector bits[4] = {bit, bit, bit, bit};
    absorb<false>(word, bits, nullptr, h);
  }

  // `first`: for each block, lanes whose packets it is the first of here; what their heads are is
  // added to it.
  template <bool kHasFirst>
  GOTTHARD_INLINE void absorb(Vector word[8], const Vector bits[4], const __mmask8* first,
                              Number* h) const {
    transpose(word);
    Sum sum = nothing();
#pragma GCC unroll 4
    for (int k = 1; k < 4; ++k) {
      add_product(&sum, block<kHasFirst>(word, k, bits, first), power_[k]);
    }
    Number m = block<kHasFirst>(word, 0, bits, first);
    for (int i = 0; i < 3; ++i) {
      m.limb[i] = _mm512_add_epi64(m.limb[i], h->limb[i]);
    }
    add_product(&sum, m, power_[0]);
    *h = carry(sum);
  }
  template <bool kHasFirst>
  GOTTHARD_INLINE Number block(const Vector word[8], int k, const Vector bits[4],
                               const __mmask8* first) const {
    Number m = split(word[2 * k], word[2 * k + 1]);
    m.limb[2] = _mm512_or_si512(m.limb[2], bits[k]);
    if (kHasFirst && has_heads_) {
      for (int i = 0; i < 3; ++i) {
        m.limb[i] = _mm512_mask_add_epi64(m.limb[i], first[k], m.limb[i], head_.limb[i]);
      }
    }
    return m;
  }

  // h mod 2^130 - 5, plus s, mod 2^128. No branch: h and h + 5 are both computed.
  GOTTHARD_INLINE void finish(__m128i* tags, int count) {
    Vector h0 = h_.limb[0];
    Vector h1 = h_.limb[1];
    Vector h2 = h_.limb[2];
    const auto shift = [](Vector* from, Vector* to, int bits, Vector mask) {
      *to = _mm512_add_epi64(*to, _mm512_srli_epi64(*from, static_cast<unsigned>(bits)));
      *from = _mm512_and_si512(*from, mask);
    };
    for (int pass = 0; pass < 2; ++pass) {
      shift(&h0, &h1, 44, mask44());
      shift(&h1, &h2, 44, mask44());
      const Vector c = _mm512_srli_epi64(h2, 42);
      h2 = _mm512_and_si512(h2, mask42());
      h0 = _mm512_add_epi64(h0, _mm512_add_epi64(c, _mm512_slli_epi64(c, 2)));
    }
    shift(&h0, &h1, 44, mask44());
    shift(&h1, &h2, 44, mask44());
    Vector g0 = _mm512_add_epi64(h0, _mm512_set1_epi64(5));
    Vector g1 = h1;
    Vector g2 = h2;
    shift(&g0, &g1, 44, mask44());
    shift(&g1, &g2, 44, mask44());
    const __mmask8 above = _mm512_test_epi64_mask(g2, _mm512_set1_epi64(1LL << 42));
    h0 = _mm512_mask_mov_epi64(h0, above, g0);
    h1 = _mm512_mask_mov_epi64(h1, above, g1);
    h2 = _mm512_mask_mov_epi64(h2, above, _mm512_and_si512(g2, mask42()));
    const Vector low = _mm512_or_si512(h0, _mm512_slli_epi64(h1, 44));
    const Vector high = _mm512_or_si512(_mm512_srli_epi64(h1, 20), _mm512_slli_epi64(h2, 24));
    const Vector tag_low = _mm512_add_epi64(low, s_low_);
    const __mmask8 overflow = _mm512_cmplt_epu64_mask(tag_low, low);
    Vector tag_high = _mm512_add_epi64(high, s_high_);
    tag_high = _mm512_mask_add_epi64(tag_high, overflow, tag_high, _mm512_set1_epi64(1));
    alignas(64) std::uint64_t lows[kLanes];
    alignas(64) std::uint64_t highs[kLanes];
    _mm512_store_si512(lows, tag_low);
    _mm512_store_si512(highs, tag_high);
    for (int i = 0; i < count; ++i) {
      tags[i] = _mm_set_epi64x(static_cast<long long>(highs[i]), static_cast<long long>(lows[i]));
    }
  }

  Factor power_[4];  // r^4, r^3, r^2, r
  Number h_;
  Number head_;
  bool has_heads_;
  Vector s_low_, s_high_;
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
