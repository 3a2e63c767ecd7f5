// Numbers modulo 2^130 - 5, eight side by side, with AVX-512 IFMA:
//
//               lane 0          lane 1                lane 7
//   limb[0]     number 0        number 1      ...     number 7       44 bits
//   limb[1]     number 0        ...                                  44 bits
//   limb[2]     number 0        ...                                  42 bits
#pragma once

#include <immintrin.h>

#include "crypto/wide/inline.h"

namespace gotthard::crypto::wide {
namespace {

using PolyVector = __m512i;

struct PolyNumber {
  PolyVector limb[3];
};
// A power of r, with what the wrap-around at 2^130 multiplies its upper limbs by: 20.
struct PolyFactor {
  PolyVector r0, r1, r2, s1, s2;
};
struct PolyAccumulator {
  PolyVector low[3], high[3];
};

GOTTHARD_INLINE PolyVector mask44() { return _mm512_set1_epi64((1LL << 44) - 1); }
GOTTHARD_INLINE PolyVector mask42() { return _mm512_set1_epi64((1LL << 42) - 1); }

GOTTHARD_INLINE PolyNumber split(PolyVector low, PolyVector high) {
  return {{_mm512_and_si512(low, mask44()),
           _mm512_and_si512(_mm512_shrdi_epi64(low, high, 44), mask44()),
           _mm512_srli_epi64(high, 24)}};
}
GOTTHARD_INLINE PolyFactor factor(const PolyNumber& n) {
  const auto times20 = [](PolyVector a) {
    return _mm512_slli_epi64(_mm512_add_epi64(a, _mm512_slli_epi64(a, 2)), 2);
  };
  return {n.limb[0], n.limb[1], n.limb[2], times20(n.limb[1]), times20(n.limb[2])};
}
GOTTHARD_INLINE void add_product(PolyAccumulator* sum, int limb, PolyVector a, PolyVector b) {
  sum->low[limb] = _mm512_madd52lo_epu64(sum->low[limb], a, b);
  sum->high[limb] = _mm512_madd52hi_epu64(sum->high[limb], a, b);
}
GOTTHARD_INLINE void add_product(PolyAccumulator* sum, const PolyNumber& m, const PolyFactor& f) {
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
GOTTHARD_INLINE PolyAccumulator nothing() {
  const PolyVector z = _mm512_setzero_si512();
  return {{z, z, z}, {z, z, z}};
}
// Back to limbs of 44, 44 and 42 bits; the high halves of products weigh 2^52.
GOTTHARD_INLINE PolyNumber carry(const PolyAccumulator& s) {
  PolyVector c = _mm512_add_epi64(_mm512_srli_epi64(s.low[0], 44), _mm512_slli_epi64(s.high[0], 8));
  PolyVector h0 = _mm512_and_si512(s.low[0], mask44());
  PolyVector h1 = _mm512_add_epi64(s.low[1], c);
  c = _mm512_add_epi64(_mm512_srli_epi64(h1, 44), _mm512_slli_epi64(s.high[1], 8));
  h1 = _mm512_and_si512(h1, mask44());
  PolyVector h2 = _mm512_add_epi64(s.low[2], c);
  c = _mm512_add_epi64(_mm512_srli_epi64(h2, 42), _mm512_slli_epi64(s.high[2], 10));
  h2 = _mm512_and_si512(h2, mask42());
  h0 = _mm512_add_epi64(h0, _mm512_add_epi64(c, _mm512_slli_epi64(c, 2)));
  c = _mm512_srli_epi64(h0, 44);
  return {{_mm512_and_si512(h0, mask44()), _mm512_add_epi64(h1, c), h2}};
}

GOTTHARD_INLINE PolyNumber product(const PolyNumber& m, const PolyFactor& f) {
  PolyAccumulator sum = nothing();
  add_product(&sum, m, f);
  return carry(sum);
}

// Eight rows of eight words become eight columns.
GOTTHARD_INLINE void transpose(PolyVector v[8]) {
  const PolyVector a0 = _mm512_unpacklo_epi64(v[0], v[1]);
  const PolyVector a1 = _mm512_unpackhi_epi64(v[0], v[1]);
  const PolyVector a2 = _mm512_unpacklo_epi64(v[2], v[3]);
  const PolyVector a3 = _mm512_unpackhi_epi64(v[2], v[3]);
  const PolyVector a4 = _mm512_unpacklo_epi64(v[4], v[5]);
  const PolyVector a5 = _mm512_unpackhi_epi64(v[4], v[5]);
  const PolyVector a6 = _mm512_unpacklo_epi64(v[6], v[7]);
  const PolyVector a7 = _mm512_unpackhi_epi64(v[6], v[7]);
  const PolyVector b0 = _mm512_shuffle_i64x2(a0, a2, 0x88);
  const PolyVector b1 = _mm512_shuffle_i64x2(a0, a2, 0xdd);
  const PolyVector b2 = _mm512_shuffle_i64x2(a4, a6, 0x88);
  const PolyVector b3 = _mm512_shuffle_i64x2(a4, a6, 0xdd);
  const PolyVector c0 = _mm512_shuffle_i64x2(a1, a3, 0x88);
  const PolyVector c1 = _mm512_shuffle_i64x2(a1, a3, 0xdd);
  const PolyVector c2 = _mm512_shuffle_i64x2(a5, a7, 0x88);
  const PolyVector c3 = _mm512_shuffle_i64x2(a5, a7, 0xdd);
  v[0] = _mm512_shuffle_i64x2(b0, b2, 0x88);
  v[4] = _mm512_shuffle_i64x2(b0, b2, 0xdd);
  v[2] = _mm512_shuffle_i64x2(b1, b3, 0x88);
  v[6] = _mm512_shuffle_i64x2(b1, b3, 0xdd);
  v[1] = _mm512_shuffle_i64x2(c0, c2, 0x88);
  v[5] = _mm512_shuffle_i64x2(c0, c2, 0xdd);
  v[3] = _mm512_shuffle_i64x2(c1, c3, 0x88);
  v[7] = _mm512_shuffle_i64x2(c1, c3, 0xdd);
}

}  // namespace
}  // namespace gotthard::crypto::wide
