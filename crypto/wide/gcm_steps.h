// The steps of a full group's packets: a vector of each at a time; see gcm_kernel.h.
#pragma once

#include <immintrin.h>

#include "crypto/aead_key.h"
#include "crypto/wide/gcm_ghash.h"
#include "crypto/wide/gcm_key.h"
#include "crypto/wide/gcm_text.h"
#include "crypto/wide/inline.h"

namespace gotthard::crypto::wide {
namespace {

// What a group knows of each of its packets.
template <typename V>
struct GcmPackets {
  GcmText<V> lanes[V::kBlocks];
  const GcmKey* keys[V::kBlocks];
  __m128i nonces[V::kBlocks];
  GhashSum<V> sums[V::kBlocks];
};

template <typename V, int kRounds, bool kOpen, bool kSameKey>
class GcmSteps {
  using Vector = typename V::Vector;
  static constexpr int kLanes = V::kBlocks;            // packets of a group
  static constexpr std::uint32_t kStep = 16 * kLanes;  // bytes of a packet that a vector holds
  static constexpr std::uint32_t kWindowSteps = kGcmWindow / kLanes;

  using Sum = GhashSum<V>;
  using Lane = GcmText<V>;

 public:
  // All packets of a full group, as far as the shortest goes.
  template <bool kLastApart>
  static GOTTHARD_INLINE void together(const AeadJob* jobs, const std::uint8_t* next,
                                       GcmPackets<V>* group) {
    std::uint32_t least = group->lanes[0].steps;
    std::uint32_t most = group->lanes[0].steps;
#pragma GCC unroll 4
    for (int i = 1; i < kLanes; ++i) {
      least = group->lanes[i].steps < least ? group->lanes[i].steps : least;
      most = group->lanes[i].steps > most ? group->lanes[i].steps : most;
    }
    // The last steps are together only when they are everybody's.
    std::uint32_t whole = least;
#pragma GCC unroll 4
    for (int i = 0; i < kLanes; ++i) {
      const std::uint32_t full = group->lanes[i].length / kStep;
      whole = full < whole ? full : whole;
    }
    const std::uint8_t* ahead[kLanes];
    // Locals, which no store to a packet can change: they stay in registers.
    Sum sums[kLanes];
    Vector counters[kLanes];
    const GcmKey* keys[kLanes];
#pragma GCC unroll 4
    for (int i = 0; i < kLanes; ++i) {
      ahead[i] = reinterpret_cast<const std::uint8_t*>(jobs[next[i]].text);
      V::prefetch(jobs[next[i]].tag + 15);
      sums[i] = group->sums[i];
      counters[i] = V::counters(group->nonces[i], 0);
      keys[i] = group->keys[i];
    }
    std::uint32_t step = 0;
    while (step < whole) {
      if (step != 0) {
#pragma GCC unroll 4
        for (int i = 0; i < kLanes; ++i) {
          sums[i] = group->lanes[i].next_window(sums[i], step);
        }
      }
      const std::uint8_t* powers[kLanes];
#pragma GCC unroll 4
      for (int i = 0; i < kLanes; ++i) {
        powers[i] = Lane::power(group->lanes[i].key, group->lanes[i].window_blocks(step));
      }
      const std::uint32_t end = whole < step + kWindowSteps ? whole : step + kWindowSteps;
      // When sealing, what is hashed was encrypted two steps before; when opening it is what is
      // about to be decrypted.
      const std::uint32_t begin = step;
      for (; step + 2 <= end; step += 2) {
        const std::uint32_t hashed = kOpen ? step : step - 2;
        Vector state[2][kLanes];
#pragma GCC unroll 4
        for (int i = 0; i < kLanes; ++i) {
          V::prefetch(ahead[i] + step * kStep);
          V::prefetch(ahead[i] + step * kStep + kStep);
          const Vector first = V::broadcast(Lane::round_key(keys[kSameKey ? 0 : i], 0));
          state[0][i] = V::add(counters[i], first);
          counters[i] = V::add32(counters[i], V::counter_step());
          state[1][i] = V::add(counters[i], first);
          counters[i] = V::add32(counters[i], V::counter_step());
        }
#pragma GCC unroll 16
        for (int round = 1; round < kRounds; ++round) {
#pragma GCC unroll 4
          for (int i = 0; i < kLanes; ++i) {
            const Vector round_keys = V::broadcast(Lane::round_key(keys[kSameKey ? 0 : i], round));
            state[0][i] = V::encrypt(state[0][i], round_keys);
            state[1][i] = V::encrypt(state[1][i], round_keys);
          }
          if (round <= 2 * kLanes && (kOpen || step != begin)) {
            const int i = (round - 1) % kLanes;
            const auto part = static_cast<std::uint32_t>((round - 1) / kLanes);
            add_product<V>(&sums[i],
                           V::reverse(V::load(group->lanes[i].text + (hashed + part) * kStep)),
                           V::load(powers[kSameKey ? 0 : i] + (hashed + part - begin) * kStep));
          }
        }
#pragma GCC unroll 4
        for (int i = 0; i < kLanes; ++i) {
          const Vector last = V::broadcast(Lane::round_key(keys[kSameKey ? 0 : i], kRounds));
          std::uint8_t* text = group->lanes[i].text + step * kStep;
          V::store(text, V::add(V::load(text), V::encrypt_last(state[0][i], last)));
          text += kStep;
          V::store(text, V::add(V::load(text), V::encrypt_last(state[1][i], last)));
        }
      }
      if (!kOpen && step != begin) {
#pragma GCC unroll 2
        for (std::uint32_t part = 0; part < 2; ++part) {
#pragma GCC unroll 4
          for (int i = 0; i < kLanes; ++i) {
            add_product<V>(&sums[i],
                           V::reverse(V::load(group->lanes[i].text + (step - 2 + part) * kStep)),
                           V::load(powers[kSameKey ? 0 : i] + (step - 2 + part - begin) * kStep));
          }
        }
      }
      if (step < end) {
        single_step(*group, keys, counters, step, sums);
        ++step;
#pragma GCC unroll 4
        for (int i = 0; i < kLanes; ++i) {
          counters[i] = V::add32(counters[i], V::counter_step());
        }
      }
    }
    if (whole < least && least == most) {
      // The last step of each packet, whole or in part.
      if (step % kWindowSteps == 0 && step != 0) {
#pragma GCC unroll 4
        for (int i = 0; i < kLanes; ++i) {
          sums[i] = group->lanes[i].next_window(sums[i], step);
        }
      }
      if constexpr (!kLastApart) {
        single_step(*group, keys, counters, step, sums);
      }
      step = least;
    }
#pragma GCC unroll 4
    for (int i = 0; i < kLanes; ++i) {
      group->lanes[i].done = step;
      group->sums[i] = sums[i];
    }
  }

  // One vector of each packet, whole or in part.
  static GOTTHARD_INLINE void single_step(const GcmPackets<V>& group, const GcmKey* const* keys,
                                          const Vector* counters, std::uint32_t step, Sum* sums) {
    Vector state[kLanes];
#pragma GCC unroll 4
    for (int i = 0; i < kLanes; ++i) {
      state[i] = V::add(counters[i], V::broadcast(Lane::round_key(keys[kSameKey ? 0 : i], 0)));
    }
#pragma GCC unroll 16
    for (int round = 1; round < kRounds; ++round) {
#pragma GCC unroll 4
      for (int i = 0; i < kLanes; ++i) {
        state[i] =
            V::encrypt(state[i], V::broadcast(Lane::round_key(keys[kSameKey ? 0 : i], round)));
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < kLanes; ++i) {
      group.lanes[i].template finish_step<kOpen>(
          step,
          V::encrypt_last(state[i], V::broadcast(Lane::round_key(keys[kSameKey ? 0 : i], kRounds))),
          &sums[i]);
    }
  }
};

}  // namespace
}  // namespace gotthard::crypto::wide
