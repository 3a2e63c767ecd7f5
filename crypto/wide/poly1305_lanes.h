// The keys of eight packets in lanes, and what is done with them.
#pragma once

#include <immintrin.h>

#include "crypto/wide/inline.h"
#include "crypto/wide/poly1305_field.h"
#include "crypto/wide/poly1305_key.h"

namespace gotthard::crypto::wide {
namespace {

// Of a vector: up to all of them.
GOTTHARD_INLINE __mmask64 first_bytes(std::uint32_t count) {
  return _bzhi_u64(~std::uint64_t{0}, count < 64 ? count : 64);
}

class PolyLanes {
 public:
  static constexpr int kLanes = 8;

  GOTTHARD_INLINE PolyLanes(const PolyKey* keys, int count) {
    PolyVector v[8];
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
    r_ = split(_mm512_and_si512(v[0], _mm512_set1_epi64(0x0ffffffc0fffffffLL)),
               _mm512_and_si512(v[1], _mm512_set1_epi64(0x0ffffffc0ffffffcLL)));
    power_[3] = factor(r_);
  }
  // For absorb().
  GOTTHARD_INLINE void make_powers() {
    const PolyNumber square = product(r_, power_[3]);
    power_[2] = factor(square);
    power_[1] = factor(product(square, power_[3]));
    power_[0] = factor(product(square, power_[2]));
  }
  [[nodiscard]] const PolyNumber& head() const { return head_; }

  // Four blocks, `word` of each lane: h = (h + block 0) r^4 + block 1 r^3 + block 2 r^2 + block 3
  // r. `first`: for each block, lanes whose packets it is the first of here; what their heads are
  // is added to it.
  template <bool kHasFirst>
  GOTTHARD_INLINE void absorb(PolyVector word[8], const PolyVector bits[4], const __mmask8* first,
                              PolyNumber* h) const {
    transpose(word);
    PolyAccumulator sum = nothing();
#pragma GCC unroll 4
    for (int k = 1; k < 4; ++k) {
      add_product(&sum, block<kHasFirst>(word, k, bits, first), power_[k]);
    }
    PolyNumber m = block<kHasFirst>(word, 0, bits, first);
    for (int i = 0; i < 3; ++i) {
      m.limb[i] = _mm512_add_epi64(m.limb[i], h->limb[i]);
    }
    add_product(&sum, m, power_[0]);
    *h = carry(sum);
  }
  template <bool kHasFirst>
  GOTTHARD_INLINE PolyNumber block(const PolyVector word[8], int k, const PolyVector bits[4],
                                   const __mmask8* first) const {
    PolyNumber m = split(word[2 * k], word[2 * k + 1]);
    m.limb[2] = _mm512_or_si512(m.limb[2], bits[k]);
    if (kHasFirst && has_heads_) {
      for (int i = 0; i < 3; ++i) {
        m.limb[i] = _mm512_mask_add_epi64(m.limb[i], first[k], m.limb[i], head_.limb[i]);
      }
    }
    return m;
  }

  // The last blocks of four, from number `begin` on, one after the other.
  GOTTHARD_INLINE void absorb_each(PolyVector word[8], int begin, PolyNumber* h) const {
    transpose(word);
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) {
      if (k >= begin) {
        PolyNumber m = split(word[2 * k], word[2 * k + 1]);
        m.limb[2] = _mm512_or_si512(m.limb[2], _mm512_set1_epi64(1LL << 40));
        for (int i = 0; i < 3; ++i) {
          m.limb[i] = _mm512_add_epi64(m.limb[i], h->limb[i]);
        }
        *h = product(m, power_[3]);
      }
    }
  }

  // h mod 2^130 - 5, plus s, mod 2^128. No branch: h and h + 5 are both computed.
  GOTTHARD_INLINE void tags(const PolyNumber& h, __m128i* tags, int count) const {
    PolyVector h0 = h.limb[0];
    PolyVector h1 = h.limb[1];
    PolyVector h2 = h.limb[2];
    const auto shift = [](PolyVector* from, PolyVector* to, int bits, PolyVector mask) {
      *to = _mm512_add_epi64(*to, _mm512_srli_epi64(*from, static_cast<unsigned>(bits)));
      *from = _mm512_and_si512(*from, mask);
    };
    for (int pass = 0; pass < 2; ++pass) {
      shift(&h0, &h1, 44, mask44());
      shift(&h1, &h2, 44, mask44());
      const PolyVector c = _mm512_srli_epi64(h2, 42);
      h2 = _mm512_and_si512(h2, mask42());
      h0 = _mm512_add_epi64(h0, _mm512_add_epi64(c, _mm512_slli_epi64(c, 2)));
    }
    shift(&h0, &h1, 44, mask44());
    shift(&h1, &h2, 44, mask44());
    PolyVector g0 = _mm512_add_epi64(h0, _mm512_set1_epi64(5));
    PolyVector g1 = h1;
    PolyVector g2 = h2;
    shift(&g0, &g1, 44, mask44());
    shift(&g1, &g2, 44, mask44());
    const __mmask8 above = _mm512_test_epi64_mask(g2, _mm512_set1_epi64(1LL << 42));
    h0 = _mm512_mask_mov_epi64(h0, above, g0);
    h1 = _mm512_mask_mov_epi64(h1, above, g1);
    h2 = _mm512_mask_mov_epi64(h2, above, _mm512_and_si512(g2, mask42()));
    const PolyVector low = _mm512_or_si512(h0, _mm512_slli_epi64(h1, 44));
    const PolyVector high = _mm512_or_si512(_mm512_srli_epi64(h1, 20), _mm512_slli_epi64(h2, 24));
    const PolyVector tag_low = _mm512_add_epi64(low, s_low_);
    const __mmask8 overflow = _mm512_cmplt_epu64_mask(tag_low, low);
    PolyVector tag_high = _mm512_add_epi64(high, s_high_);
    tag_high = _mm512_mask_add_epi64(tag_high, overflow, tag_high, _mm512_set1_epi64(1));
    alignas(64) std::uint64_t lows[kLanes];
    alignas(64) std::uint64_t highs[kLanes];
    _mm512_store_si512(lows, tag_low);
    _mm512_store_si512(highs, tag_high);
    for (int i = 0; i < count; ++i) {
      tags[i] = _mm_set_epi64x(static_cast<long long>(highs[i]), static_cast<long long>(lows[i]));
    }
  }

 private:
  PolyFactor power_[4];  // r^4, r^3, r^2, r
  PolyNumber r_;
  PolyNumber head_;
  bool has_heads_;
  PolyVector s_low_, s_high_;
};

}  // namespace
}  // namespace gotthard::crypto::wide
