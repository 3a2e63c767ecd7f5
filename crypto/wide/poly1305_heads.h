// The heads of texts: so much of each as runs hash in the shadow of ChaCha20's rounds, whole chunks
// from its beginning, with the associated data before them. What is not a head is hashed apart, for
// a group of packets at once. Even packets are one text of runs, odd ones the other.
#pragma once

#include <immintrin.h>

#include <cstring>

#include "crypto/aead_key.h"
#include "crypto/wide/inline.h"
#include "crypto/wide/poly1305_key.h"
#include "crypto/wide/poly1305_words.h"

namespace gotthard::crypto::wide {
namespace {

// All packets of a group should be as far when it is hashed, so a group's packets have runs in
// turn. When sealing, group after group has all that its packets need: the last ones have none.
// When opening, runs must be over when a group's turn to be decrypted comes. Where that comes
// before there were enough, each packet has a run before the first one has another
// (Poly::kRunsInTurn).
//
// Poly: PolyVectors or PolyPairs, who hash the rest.
template <typename Poly, bool kOpen>
class PolyHeads {
  static constexpr std::uint32_t kGroup = Poly::kGroup;
  static constexpr bool kInTurn = kOpen && Poly::kRunsInTurn;

 public:
  PolyHeads(const AeadJob* jobs, const std::uint8_t* order, std::uint32_t count, PolyKey* keys)
      : jobs_(jobs), order_(order), count_(count), keys_(keys) {}
  ~PolyHeads() {
    for (PolyRun::Text& text : run_.text) {
      text = {};
    }
    asm volatile("" : : "r"(&run_) : "memory");
  }
  PolyHeads(const PolyHeads&) = delete;
  PolyHeads& operator=(const PolyHeads&) = delete;

  // The next run, over packets before `ready`. Null: there is none.
  PolyRun* next_run(std::uint32_t ready) {
    static constexpr std::uint8_t kZeroes[kChunkBytes] = {};
    const std::uint8_t* chunk[2] = {kZeroes, kZeroes};
    for (std::uint32_t i = 0; i < 2; ++i) {
      steps_[i] = choose(i, ready);
      if (steps_[i] != 0) {
        chunk[i] = begin(i);
      }
    }
    if ((steps_[0] | steps_[1]) == 0) {
      return nullptr;
    }
    __m128i chunks = _mm_set_epi64x(reinterpret_cast<long long>(chunk[1]),
                                    reinterpret_cast<long long>(chunk[0]));
    for (PolyRun::Step& step : run_.step) {
      _mm_store_si128(reinterpret_cast<__m128i*>(step.chunk), chunks);
      chunks = _mm_add_epi64(chunks, _mm_set1_epi64x(kChunkBytes));
    }
    for (std::uint32_t i = 0; i < 2; ++i) {
      for (std::uint32_t step = steps_[i]; step < kRunSteps; ++step) {
        run_.step[step].chunk[i] = kZeroes;
      }
    }
    run_.steps = greater(steps_[0], steps_[1]);
    return &run_;
  }
  // After the run.
  void take_sums() {
    for (std::uint32_t i = 0; i < 2; ++i) {
      if (steps_[i] != 0) {
        PolyKey& key = keys_[packet_[i]];
        key.sum = run_.step[steps_[i] - 1].sum[i];
        key.chunks += steps_[i];
        packet_[i] = after(packet_[i]);
      }
    }
  }
  // Packets before this one, a group's first, have no more runs.
  void leave(std::uint32_t packets) {
    if (packets <= first_) {
      return;
    }
    first_ = packets;
    if (kInTurn && packets < count_) {
      // While a group is decrypted, there are two runs for each 32 blocks. Groups that come before
      // there were as many as packets are left out.
      const std::uint32_t blocks = jobs_[order_[packets]].length / kChunkBytes;
      first_ += kGroup * (blocks < kLeastSteps ? 0 : (2 * kGroup - 1) / blocks);
    }
    for (std::uint32_t i = 0; i < 2; ++i) {
      packet_[i] = greater(packet_[i], first_ + i);
    }
  }
  // Groups before this packet have all of their heads.
  [[nodiscard]] std::uint32_t done() const {
    return lesser(packet_[0], packet_[1]) / kGroup * kGroup;
  }

 private:
  static constexpr std::uint32_t kLeastSteps = Poly::kLeastSteps;

  // How many steps the next run has for one of its texts, from the packet that it moves on to.
  GOTTHARD_INLINE std::uint32_t choose(std::uint32_t i, std::uint32_t ready) {
    if (kInTurn && packet_[i] >= count_) {
      packet_[i] = first_ + i;
    }
    for (; packet_[i] < ready; packet_[i] = after(packet_[i])) {
      if (const std::uint32_t chunks = left(packet_[i]); chunks != 0) {
        return lesser(chunks, kRunSteps);
      }
    }
    return 0;
  }
  // The packet whose turn comes after another's.
  [[nodiscard]] GOTTHARD_INLINE std::uint32_t after(std::uint32_t packet) const {
    const std::uint32_t group = packet / kGroup * kGroup;
    const std::uint32_t end = lesser(group + kGroup, count_);
    packet += 2;
    if (kInTurn || packet < end) {
      return packet;
    }
    for (packet = group + packet % 2; packet < end && left(packet) == 0;) {
      packet += 2;
    }
    return packet < end ? packet : group + kGroup + packet % 2;
  }
  // Chunks that are worth a run.
  [[nodiscard]] GOTTHARD_INLINE std::uint32_t left(std::uint32_t packet) const {
    const AeadJob& job = jobs_[order_[packet]];
    const auto chunks = job.length / kChunkBytes - static_cast<std::uint32_t>(keys_[packet].chunks);
    return chunks >= kLeastSteps ? chunks : 0;
  }
  // Where its chunks begin.
  GOTTHARD_INLINE const std::uint8_t* begin(std::uint32_t i) {
    const PolyKey& key = keys_[packet_[i]];
    const AeadJob& job = jobs_[order_[packet_[i]]];
    PolyRun::Text& text = run_.text[i];
    begin_text(key, &text);
    if (key.chunks == 0 && job.aad_length != 0) {
      absorb(text, aad_block(job), &text.sum);
    }
    return reinterpret_cast<const std::uint8_t*>(job.text) + kChunkBytes * key.chunks;
  }

  const AeadJob* jobs_;
  const std::uint8_t* order_;
  std::uint32_t count_;
  PolyKey* keys_;
  std::uint32_t first_ = 0;           // that may have runs
  std::uint32_t packet_[2] = {0, 1};  // the next run's
  std::uint32_t steps_[2] = {0, 0};   // of this run
  PolyRun run_;
};

}  // namespace
}  // namespace gotthard::crypto::wide
