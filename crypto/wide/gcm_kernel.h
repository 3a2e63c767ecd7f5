// AES-GCM (NIST SP 800-38D; RFC 4106 has its nonces) over several packets at once, for vectors of
// any width: `V` is Avx512 (4 blocks of 16 bytes a vector) or Avx2 (2).
//
// A group is as many packets as a vector has blocks, each under a key of its own. A step takes one
// vector of each; so the latency of AES and of carry-less multiplication is hidden by the other
// packets (4 blocks a vector shown):
//
//              block 0      block 1      block 2      block 3
//   state[0]   packet 0, counter n ... n + 3        a state a packet; each its own round keys,
//   state[1]   packet 1, counter n ... n + 3        broadcast to all blocks
//   ...
//   sum[0]     packet 0: text x H^k  H^(k-1)  H^(k-2)  H^(k-3)     three vectors a packet: low,
//   middle
//   ...                                                            and high parts, not reduced
//
// Powers of H are there for a window of 48 blocks. At its end the sum is reduced, block by block,
// and goes on as what the next window's first block is added to: all four blocks times the same
// power.
//
// Once a group: a tag mask a packet, and the end, where vectors turn from "blocks of a packet" into
// "one block of each packet":
//
//   sum[0..3] -> [ packet 0 | packet 1 | packet 2 | packet 3 ]: reduced, lengths added, times H,
//                reduced, plus the masks: four tags.
//
// What is left of packets that are longer than the shortest of their group, and groups that are not
// full, go on with six vectors of one packet at a time, in the same way.
//
// No branch and no address depends on anything but lengths: the verdict is compared as a whole.
#pragma once

#include <immintrin.h>

#include <cstring>

#include "crypto/aead_key.h"
#include "crypto/wide/gcm_aad.h"
#include "crypto/wide/gcm_alone.h"
#include "crypto/wide/gcm_ghash.h"
#include "crypto/wide/gcm_key.h"
#include "crypto/wide/gcm_steps.h"
#include "crypto/wide/gcm_text.h"
#include "crypto/wide/inline.h"

namespace gotthard::crypto::wide {
namespace {

template <typename V, int kRounds, bool kOpen, bool kSameKey>
class GcmGroup {
  using Vector = typename V::Vector;
  static constexpr int kLanes = V::kBlocks;            // packets of a group
  static constexpr std::uint32_t kStep = 16 * kLanes;  // bytes of a packet that a vector holds
  static constexpr std::uint32_t kWindowSteps = kGcmWindow / kLanes;

  using Sum = GhashSum<V>;
  using Lane = GcmText<V>;
  using Steps = GcmSteps<V, kRounds, kOpen, kSameKey>;

 public:
  // A full group of packets with as many steps each, none of them jumbo: nothing of it needs to be
  // in memory. `few_blocks`: no more than a window of text and a block of associated data each,
  // which is then added at the end, of all packets at once. `order` are the packets' places in
  // `jobs`, `next` those of the following group, for the caches. Bit i of what is returned: packet
  // order[i] is authentic.
  template <bool kLastApart>
  static GOTTHARD_INLINE unsigned run_even(const AeadJob* jobs, const std::uint8_t* order,
                                           const std::uint8_t* next, bool few_blocks) {
    static_assert(kSameKey || !kLastApart);
    GcmGroup group;
    group.start(jobs, order, kLanes);
    if (!few_blocks) {
      group.hash_aad(jobs, order, kLanes);
    }
    if (few_blocks && group.packets_.lanes[0].steps == (kLastApart ? 2 : 1)) {
      group.template only_step<kLastApart>(jobs, next);
    } else {
      group.template encrypt_masks<kLastApart>();
      Steps::template together<kLastApart>(jobs, next, &group.packets_);
    }
    if constexpr (kLastApart) {
      group.last_blocks();
    }
    if (few_blocks) {
      group.add_aad(jobs, order);
    }
    return group.finish(jobs, order, kLanes);
  }
  // Any other.
  static GOTTHARD_INLINE unsigned run_any(const AeadJob* jobs, const std::uint8_t* order, int count,
                                          const std::uint8_t* next) {
    GcmGroup group;
    group.start(jobs, order, count);
    group.hash_aad(jobs, order, count);
    group.template encrypt_masks<false>();
    if (count == kLanes && group.longest() <= kLongestUnlike) {
      Steps::template together<false>(jobs, next, &group.packets_);
    }
    for (int i = 0; i < count; ++i) {
      if (group.packets_.lanes[i].done < group.packets_.lanes[i].steps) {
        GcmAlone<V, kRounds, kOpen>::run(group.packets_.lanes[i], group.packets_.nonces[i],
                                         &group.packets_.sums[i]);
      }
    }
    return group.finish(jobs, order, count);
  }
  // Packets that do not end with the others are better off alone from here on.
  static constexpr std::uint32_t kLongestUnlike = 320;
  // The last step of packets of one key and length would have a single block each: these go
  // together, one of each packet in a vector. With ESP's trailer that is what becomes of packets
  // of usual sizes.
  static constexpr bool has_last_apart(std::uint32_t length) {
    const std::uint32_t blocks = (length + 15) / 16;
    return blocks > kLanes && blocks % kLanes == 1;
  }
  // As far as counters of one byte go. Jumbo packets are better off alone: their streams would
  // fight for the same sets of the caches.
  static constexpr std::uint32_t kCarryFree = 252 * 16;

 private:
  GOTTHARD_INLINE void start(const AeadJob* jobs, const std::uint8_t* order, int count) {
    apart_ = {V::zero(), V::zero(), V::zero()};
#pragma GCC unroll 4
    for (int i = 0; i < kLanes; ++i) {
      if (i >= count) {
        packets_.sums[i] = {V::zero(), V::zero(), V::zero()};
        lengths_[i] = _mm_setzero_si128();
        packets_.keys[i] = packets_.keys[0];
        packets_.nonces[i] = _mm_setzero_si128();
        masks_[i] = _mm_setzero_si128();
        continue;
      }
      const AeadJob& job = jobs[order[i]];
      Lane& lane = packets_.lanes[i];
      lane.key = &job.key->template schedule<GcmKey>();
      lane.text = reinterpret_cast<std::uint8_t*>(job.text);
      lane.length = job.length;
      lane.done = 0;
      lane.steps = (job.length + kStep - 1) / kStep;
      packets_.keys[i] = lane.key;
      std::uint64_t front;
      std::uint32_t back;
      std::memcpy(&front, job.nonce.data(), 8);
      std::memcpy(&back, job.nonce.data() + 8, 4);
      const __m128i nonce =
          _mm_set_epi64x(static_cast<long long>(back), static_cast<long long>(front));
      packets_.nonces[i] = nonce;
      masks_[i] = _mm_insert_epi32(nonce, 1 << 24, 3);
      lengths_[i] = _mm_set_epi64x(static_cast<long long>(std::uint64_t{job.aad_length} * 8),
                                   static_cast<long long>(std::uint64_t{job.length} * 8));
      packets_.sums[i] = {V::zero(), V::zero(), V::zero()};
    }
  }

  // The associated data, before the first window.
  GOTTHARD_INLINE void hash_aad(const AeadJob* jobs, const std::uint8_t* order, int count) {
#pragma GCC unroll 4
    for (int i = 0; i < kLanes; ++i) {
      if (const AeadJob& job = jobs[order[i < count ? i : 0]]; i < count && job.aad_length != 0) {
        packets_.sums[i] = aad_before(packets_.lanes[i], job);
      }
    }
  }
  // The same after the only window, a block of each packet at once.
  GOTTHARD_INLINE void add_aad(const AeadJob* jobs, const std::uint8_t* order) {
    __m128i aad[kLanes];
    __m128i h[kLanes];
#pragma GCC unroll 4
    for (int i = 0; i < kLanes; ++i) {
      const AeadJob& job = jobs[order[i]];
      aad[i] = aad_block(job);
      h[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(
          Lane::power(packets_.keys[i], 1 + packets_.lanes[i].window_blocks(0))));
    }
    add_product<V>(&apart_, V::reverse(V::join(aad)), V::join(h));
  }

  // The last blocks' counters, as masks_ have the masks'.
  [[nodiscard]] GOTTHARD_INLINE Vector last_counters(Vector masks) const {
    const std::uint32_t number = (packets_.lanes[0].length + 15) / 16 + 1;
    const auto instead_of_one = static_cast<int>(__builtin_bswap32(number) ^ 1U << 24);
    return V::add(masks, V::broadcast(_mm_set_epi32(instead_of_one, 0, 0, 0)));
  }
  GOTTHARD_INLINE void last_blocks() {
    __m128i blocks[kLanes];
    std::uint8_t* places[kLanes];
    std::uint32_t sizes[kLanes];
#pragma GCC unroll 4
    for (int i = 0; i < kLanes; ++i) {
      const std::uint32_t before = (packets_.lanes[i].length - 1) / 16 * 16;
      places[i] = packets_.lanes[i].text + before;
      sizes[i] = packets_.lanes[i].length - before;
      blocks[i] = V::load_block(places[i], sizes[i]);
    }
    const Vector in = V::join(blocks);
    V::split(V::add(in, last_stream_), blocks);
#pragma GCC unroll 4
    for (int i = 0; i < kLanes; ++i) {
      blocks[i] = V::part_of_block(blocks[i], sizes[i]);
      V::store_block(places[i], blocks[i], sizes[i]);
    }
    const __m128i h =
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(Lane::power(packets_.keys[0], 1)));
    add_product<V>(&apart_, V::reverse(kOpen ? in : V::join(blocks)), V::broadcast(h));
  }

  // The masks of the tags: E(nonce, 1); and what the last blocks are added to.
  template <bool kLastApart>
  GOTTHARD_INLINE void encrypt_masks() {
    if constexpr (kSameKey) {
      const Vector masks = V::join(masks_);
      const Vector first = V::broadcast(Lane::round_key(packets_.keys[0], 0));
      Vector mask = V::add(masks, first);
      Vector last = V::add(last_counters(masks), first);
#pragma GCC unroll 16
      for (int round = 1; round < kRounds; ++round) {
        const Vector round_keys = V::broadcast(Lane::round_key(packets_.keys[0], round));
        mask = V::encrypt(mask, round_keys);
        if constexpr (kLastApart) {
          last = V::encrypt(last, round_keys);
        }
      }
      const Vector round_keys = V::broadcast(Lane::round_key(packets_.keys[0], kRounds));
      mask_ = V::encrypt_last(mask, round_keys);
      if constexpr (kLastApart) {
        last_stream_ = V::encrypt_last(last, round_keys);
      }
      return;
    }
    __m128i state[kLanes];
#pragma GCC unroll 4
    for (int i = 0; i < kLanes; ++i) {
      state[i] = _mm_xor_si128(masks_[i], Lane::round_key(packets_.keys[i], 0));
    }
#pragma GCC unroll 16
    for (int round = 1; round < kRounds; ++round) {
#pragma GCC unroll 4
      for (int i = 0; i < kLanes; ++i) {
        state[i] = _mm_aesenc_si128(state[i], Lane::round_key(packets_.keys[i], round));
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < kLanes; ++i) {
      state[i] = _mm_aesenclast_si128(state[i], Lane::round_key(packets_.keys[i], kRounds));
    }
    mask_ = V::join(state);
  }
  GOTTHARD_INLINE std::uint32_t longest() const {
    std::uint32_t longest = packets_.lanes[0].length;
    for (int i = 1; i < kLanes; ++i) {
      longest = packets_.lanes[i].length > longest ? packets_.lanes[i].length : longest;
    }
    return longest;
  }

  // All there is of packets of one step, with their masks, and with blocks behind it.
  template <bool kLastApart>
  GOTTHARD_INLINE void only_step(const AeadJob* jobs, const std::uint8_t* next) {
    if constexpr (!kSameKey) {
      encrypt_masks<false>();
    }
    Vector state[kLanes];
    Vector mask = V::join(masks_);
    Vector last = last_counters(mask);
#pragma GCC unroll 4
    for (int i = 0; i < kLanes; ++i) {
      V::prefetch(jobs[next[i]].text);
      V::prefetch(jobs[next[i]].tag + 15);
      state[i] = V::add(V::counters(packets_.nonces[i], 0),
                        V::broadcast(Lane::round_key(packets_.keys[i], 0)));
    }
    mask = V::add(mask, V::broadcast(Lane::round_key(packets_.keys[0], 0)));
    last = V::add(last, V::broadcast(Lane::round_key(packets_.keys[0], 0)));
#pragma GCC unroll 16
    for (int round = 1; round < kRounds; ++round) {
#pragma GCC unroll 4
      for (int i = 0; i < kLanes; ++i) {
        state[i] = V::encrypt(
            state[i], V::broadcast(Lane::round_key(packets_.keys[kSameKey ? 0 : i], round)));
      }
      if constexpr (kSameKey) {
        mask = V::encrypt(mask, V::broadcast(Lane::round_key(packets_.keys[0], round)));
      }
      if constexpr (kLastApart) {
        last = V::encrypt(last, V::broadcast(Lane::round_key(packets_.keys[0], round)));
      }
    }
    if constexpr (kSameKey) {
      mask_ = V::encrypt_last(mask, V::broadcast(Lane::round_key(packets_.keys[0], kRounds)));
    }
    if constexpr (kLastApart) {
      last_stream_ =
          V::encrypt_last(last, V::broadcast(Lane::round_key(packets_.keys[0], kRounds)));
    }
#pragma GCC unroll 4
    for (int i = 0; i < kLanes; ++i) {
      packets_.lanes[i].template finish_step<kOpen>(
          0,
          V::encrypt_last(state[i],
                          V::broadcast(Lane::round_key(packets_.keys[kSameKey ? 0 : i], kRounds))),
          &packets_.sums[i]);
    }
  }

  GOTTHARD_INLINE unsigned finish(const AeadJob* jobs, const std::uint8_t* order, int count) {
    Vector low[kLanes];
    Vector middle[kLanes];
    Vector high[kLanes];
    __m128i h[kLanes];
#pragma GCC unroll 4
    for (int i = 0; i < kLanes; ++i) {
      low[i] = packets_.sums[i].low;
      middle[i] = packets_.sums[i].middle;
      high[i] = packets_.sums[i].high;
      h[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(Lane::power(packets_.keys[i], 1)));
    }
    const Vector hash = reduce<V>({V::add(V::sum_of_each(low), apart_.low),
                                   V::add(V::sum_of_each(middle), apart_.middle),
                                   V::add(V::sum_of_each(high), apart_.high)});
    const Vector tags = V::add(
        V::reverse(reduce<V>(product<V>(V::add(hash, V::join(lengths_)), V::join(h)))), mask_);
    __m128i tag[kLanes];
    V::split(tags, tag);
    unsigned authentic = 0;
#pragma GCC unroll 4
    for (int i = 0; i < kLanes; ++i) {
      if (i >= count) {
        break;
      }
      auto* place = reinterpret_cast<__m128i*>(jobs[order[i]].tag);
      if constexpr (kOpen) {
        const __m128i difference = _mm_xor_si128(tag[i], _mm_loadu_si128(place));
        authentic |= static_cast<unsigned>(_mm_testz_si128(difference, difference)) << i;
      } else {
        _mm_storeu_si128(place, tag[i]);
      }
    }
    return authentic;
  }

  GcmPackets<V> packets_;
  __m128i masks_[kLanes];
  __m128i lengths_[kLanes];
  Vector mask_;
  Sum apart_;           // of a block of each packet that is not in sums_
  Vector last_stream_;  // for the last blocks, where they are apart
};

}  // namespace
}  // namespace gotthard::crypto::wide
