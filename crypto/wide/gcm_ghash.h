// GHASH's field (NIST SP 800-38D, 6.3 and 6.4), a block of 16 bytes in each 128 bits of a vector.
#pragma once

#include <immintrin.h>

#include "crypto/wide/inline.h"

namespace gotthard::crypto::wide {
namespace {

// A sum of products in GHASH's field that is not reduced yet.
template <typename V>
struct GhashSum {
  typename V::Vector low, middle, high;
};

template <typename V>
GOTTHARD_INLINE void add_product(GhashSum<V>* sum, typename V::Vector a, typename V::Vector b) {
  sum->low = V::add(sum->low, V::template multiply<0x00>(a, b));
  sum->high = V::add(sum->high, V::template multiply<0x11>(a, b));
  sum->middle =
      V::add3(sum->middle, V::template multiply<0x01>(a, b), V::template multiply<0x10>(a, b));
}

template <typename V>
GOTTHARD_INLINE GhashSum<V> product(typename V::Vector a, typename V::Vector b) {
  return {V::template multiply<0x00>(a, b),
          V::add(V::template multiply<0x01>(a, b), V::template multiply<0x10>(a, b)),
          V::template multiply<0x11>(a, b)};
}

// Modulo x^128 + x^7 + x^2 + x + 1, reflected; by two multiplications (Gueron's way).
template <typename V>
GOTTHARD_INLINE typename V::Vector reduce(const GhashSum<V>& sum) {
  const auto polynomial = V::broadcast(_mm_set_epi64x(-0x3e00000000000000LL, 1));
  const auto middle =
      V::add3(sum.middle, V::template multiply<0x01>(polynomial, sum.low), V::swap_halves(sum.low));
  return V::add3(sum.high, V::template multiply<0x01>(polynomial, middle), V::swap_halves(middle));
}

template <typename V>
GOTTHARD_INLINE __m128i multiply_blocks(__m128i a, __m128i b) {
  return V::first(reduce<V>(product<V>(V::widen(a), V::widen(b))));
}

}  // namespace
}  // namespace gotthard::crypto::wide
