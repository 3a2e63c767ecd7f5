// One packet's text: steps of one vector, windows of powers.
#pragma once

#include <immintrin.h>

#include "crypto/wide/gcm_ghash.h"
#include "crypto/wide/gcm_key.h"
#include "crypto/wide/inline.h"

namespace gotthard::crypto::wide {
namespace {

template <typename V>
struct GcmText {
  using Vector = typename V::Vector;
  static constexpr std::uint32_t kBlocks = V::kBlocks;
  static constexpr std::uint32_t kStep = 16 * kBlocks;  // bytes of a packet that a vector holds
  static constexpr std::uint32_t kWindowSteps = kGcmWindow / kBlocks;

  const GcmKey* key;
  std::uint8_t* text;
  std::uint32_t length;
  std::uint32_t done;  // steps
  std::uint32_t steps;

  static GOTTHARD_INLINE const std::uint8_t* power(const GcmKey* key, std::uint32_t exponent) {
    return key->powers[kGcmFirstPower - exponent];
  }
  static GOTTHARD_INLINE __m128i round_key(const GcmKey* key, int round) {
    return _mm_load_si128(reinterpret_cast<const __m128i*>(key->round_keys[round]));
  }

  // How many blocks of text the window has that begins with step `step`.
  [[nodiscard]] GOTTHARD_INLINE std::uint32_t window_blocks(std::uint32_t step) const {
    const std::uint32_t left = (length + 15) / 16 - step * kBlocks;
    return left < kGcmWindow ? left : kGcmWindow;
  }
  // The powers for a step's blocks.
  [[nodiscard]] GOTTHARD_INLINE const std::uint8_t* powers(std::uint32_t step) const {
    const std::uint32_t in_window = step % kWindowSteps;
    return power(key, window_blocks(step - in_window) - in_window * kBlocks);
  }
  // A window that is over: its sum becomes what the next one, from `step` on, begins with.
  [[nodiscard]] GOTTHARD_INLINE GhashSum<V> next_window(const GhashSum<V>& sum,
                                                        std::uint32_t step) const {
    return product<V>(reduce<V>(sum), V::broadcast(_mm_loadu_si128(reinterpret_cast<const __m128i*>(
                                          power(key, window_blocks(step))))));
  }

  // Text and hash of one vector that need not be whole.
  template <bool kOpen>
  GOTTHARD_INLINE void finish_step(std::uint32_t step, Vector stream, GhashSum<V>* sum) const {
    std::uint8_t* here = text + step * kStep;
    const std::uint32_t left = length - step * kStep;
    Vector hashed;
    if (left >= kStep) {
      const Vector in = V::load(here);
      const Vector out = V::add(in, stream);
      V::store(here, out);
      hashed = kOpen ? in : out;
    } else {
      const Vector in = V::load_part(here, left);
      const Vector out = V::part(V::add(in, stream), left);
      V::store_part(here, out, left);
      hashed = kOpen ? in : out;
    }
    add_product<V>(sum, V::reverse(hashed), V::load(powers(step)));
  }
};

}  // namespace
}  // namespace gotthard::crypto::wide
