// One packet, or what is left of it, six vectors at a time: half a window. When sealing, what is
// hashed was encrypted six vectors before; when opening it is what is about to be decrypted.
#pragma once

#include <immintrin.h>

#include "crypto/wide/gcm_ghash.h"
#include "crypto/wide/gcm_text.h"
#include "crypto/wide/inline.h"

namespace gotthard::crypto::wide {
namespace {

template <typename V, int kRounds, bool kOpen>
class GcmAlone {
  using Vector = typename V::Vector;
  using Sum = GhashSum<V>;
  using Text = GcmText<V>;
  static constexpr std::uint32_t kStep = Text::kStep;
  static constexpr std::uint32_t kUnit = 6;  // steps
  static constexpr std::uint32_t kUnitBlocks = kUnit * Text::kBlocks;
  static_assert(Text::kWindowSteps % kUnit == 0 && kRounds > kUnit);

 public:
  // From step `text.done` on.
  __attribute__((noinline)) static void run(const Text& text, __m128i nonce, Sum* sums) {
    Sum sum = *sums;
    std::uint32_t step = text.done;
    if (step % kUnit != 0) {
      step = part_of_unit(text, nonce, step, &sum);
    }
    const std::uint32_t whole = text.length / (kUnit * kStep) * kUnit;
    if (step < whole) {
      whole_units(text, nonce, step, whole, &sum);
      step = whole;
    }
    while (step < text.steps) {
      step = part_of_unit(text, nonce, step, &sum);
    }
    *sums = sum;
  }

 private:
  // The sum as it is before step `step` is hashed.
  static GOTTHARD_INLINE void begin_hash(const Text& text, std::uint32_t step, Sum* sum) {
    if (step % Text::kWindowSteps == 0 && step != 0) {
      *sum = text.next_window(*sum, step);
    }
  }

  // Steps up to the end of a unit, or of the text.
  static GOTTHARD_INLINE std::uint32_t part_of_unit(const Text& text, __m128i nonce,
                                                    std::uint32_t step, Sum* sum) {
    begin_hash(text, step, sum);
    const std::uint32_t room = kUnit - step % kUnit;
    const std::uint32_t count = text.steps - step < room ? text.steps - step : room;
    Vector state[kUnit];
#pragma GCC unroll 8
    for (std::uint32_t k = 0; k < kUnit; ++k) {
      state[k] = V::add(V::counters(nonce, step + k), V::broadcast(Text::round_key(text.key, 0)));
    }
#pragma GCC unroll 16
    for (int round = 1; round < kRounds; ++round) {
      const Vector keys = V::broadcast(Text::round_key(text.key, round));
#pragma GCC unroll 8
      for (std::uint32_t k = 0; k < kUnit; ++k) {
        state[k] = V::encrypt(state[k], keys);
      }
    }
    const Vector last = V::broadcast(Text::round_key(text.key, kRounds));
#pragma GCC unroll 8
    for (std::uint32_t k = 0; k < kUnit; ++k) {
      if (k < count) {
        text.template finish_step<kOpen>(step + k, V::encrypt_last(state[k], last), sum);
      }
    }
    return step + count;
  }

  static GOTTHARD_INLINE void hash(const Text& text, std::uint32_t step, const std::uint8_t* powers,
                                   std::uint32_t k, Sum* sum) {
    add_product<V>(sum, V::reverse(V::load(text.text + (step + k) * kStep)),
                   V::load(powers + k * kStep));
  }

  static GOTTHARD_INLINE void whole_units(const Text& text, __m128i nonce, std::uint32_t begin,
                                          std::uint32_t end, Sum* sum) {
    Vector counter[kUnit];
    for (std::uint32_t step = begin; step < end; step += kUnit) {
      // The counters' last bytes carry once in a while.
      if (step == begin || (2 + step * Text::kBlocks - kUnitBlocks) % 256 + 2 * kUnitBlocks > 256) {
#pragma GCC unroll 8
        for (std::uint32_t k = 0; k < kUnit; ++k) {
          counter[k] = V::counters(nonce, step + k);
        }
      } else {
#pragma GCC unroll 8
        for (std::uint32_t k = 0; k < kUnit; ++k) {
          counter[k] =
              V::add32(counter[k], V::broadcast(_mm_set_epi32(kUnitBlocks << 24, 0, 0, 0)));
        }
      }
      const std::uint32_t hashed = kOpen ? step : step - kUnit;
      const bool has_hash = kOpen || step != begin;
      const std::uint8_t* powers = nullptr;
      if (has_hash) {
        begin_hash(text, hashed, sum);
        powers = text.powers(hashed);
      }
      Vector state[kUnit];
#pragma GCC unroll 8
      for (std::uint32_t k = 0; k < kUnit; ++k) {
        V::prefetch(text.text + (step + kAhead + k) * kStep);
        state[k] = V::add(counter[k], V::broadcast(Text::round_key(text.key, 0)));
      }
#pragma GCC unroll 16
      for (int round = 1; round < kRounds; ++round) {
        const Vector keys = V::broadcast(Text::round_key(text.key, round));
#pragma GCC unroll 8
        for (std::uint32_t k = 0; k < kUnit; ++k) {
          state[k] = V::encrypt(state[k], keys);
        }
        if (round <= static_cast<int>(kUnit) && has_hash) {
          hash(text, hashed, powers, static_cast<std::uint32_t>(round - 1), sum);
        }
      }
      const Vector last = V::broadcast(Text::round_key(text.key, kRounds));
#pragma GCC unroll 8
      for (std::uint32_t k = 0; k < kUnit; ++k) {
        std::uint8_t* here = text.text + (step + k) * kStep;
        V::store(here, V::add(V::load(here), V::encrypt_last(state[k], last)));
      }
    }
    if (!kOpen) {
      begin_hash(text, end - kUnit, sum);
      const std::uint8_t* powers = text.powers(end - kUnit);
#pragma GCC unroll 8
      for (std::uint32_t k = 0; k < kUnit; ++k) {
        hash(text, end - kUnit, powers, k, sum);
      }
    }
  }
  // Steps that texts are fetched ahead of their turn.
  static constexpr std::uint32_t kAhead = 4 * kUnit;
};

}  // namespace
}  // namespace gotthard::crypto::wide
