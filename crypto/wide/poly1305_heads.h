// The heads of texts: so much of each as runs hash in the shadow of ChaCha20's rounds, whole chunks
// from its beginning. Vectors go on from there. Even packets are one text of runs, odd ones the
// other.
#pragma once

#include <immintrin.h>

#include <cstring>

#include "crypto/aead_key.h"
#include "crypto/wide/inline.h"
#include "crypto/wide/poly1305_run.h"

namespace gotthard::crypto::wide {
namespace {

// As many packets as vectors take at once.
inline constexpr std::uint32_t kPolyGroup = 8;

// r and s of a packet, the first half of its first block of key stream, and its head.
struct alignas(64) PolyKey {
  std::uint8_t bytes[32];
  PolySum sum;
  std::uint64_t chunks;  // that are in it
};

// All packets of a group should be as far when vectors go on, so a group's packets have runs in
// turn. When sealing, group after group has all that its packets need: the last ones have none.
// When opening, each has a run before the first one has another: it must be over when a group's
// turn to be decrypted comes.
template <bool kOpen>
class PolyHeads {
 public:
  PolyHeads(const AeadJob* jobs, const std::uint8_t* order, std::uint32_t count, PolyKey* keys)
      : jobs_(jobs), order_(order), count_(count), keys_(keys) {}
  ~PolyHeads() {
    for (PolyRun::Text& text : run_.text) {
      _mm512_store_si512(&text, _mm512_setzero_si512());
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
    if (kOpen && packets < count_) {
      // While a group is decrypted, there are two runs for each 32 blocks. Groups that come before
      // there were as many as packets are left out.
      const std::uint32_t blocks = jobs_[order_[packets]].length / kChunkBytes;
      first_ += kPolyGroup * (blocks < kLeastSteps ? 0 : (2 * kPolyGroup - 1) / blocks);
    }
    for (std::uint32_t i = 0; i < 2; ++i) {
      packet_[i] = greater(packet_[i], first_ + i);
    }
  }
  // Groups before this packet have all of their heads.
  [[nodiscard]] std::uint32_t done() const {
    return lesser(packet_[0], packet_[1]) / kPolyGroup * kPolyGroup;
  }

 private:
  static constexpr std::uint32_t kLeastSteps = 4;

  // How many steps the next run has for one of its texts, from the packet that it moves on to.
  GOTTHARD_INLINE std::uint32_t choose(std::uint32_t i, std::uint32_t ready) {
    if (kOpen && packet_[i] >= count_) {
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
    const std::uint32_t group = packet / kPolyGroup * kPolyGroup;
    const std::uint32_t end = lesser(group + kPolyGroup, count_);
    packet += 2;
    if (kOpen || packet < end) {
      return packet;
    }
    for (packet = group + packet % 2; packet < end && left(packet) == 0;) {
      packet += 2;
    }
    return packet < end ? packet : group + kPolyGroup + packet % 2;
  }
  // Chunks that are worth a run. Associated data would come before a head.
  [[nodiscard]] GOTTHARD_INLINE std::uint32_t left(std::uint32_t packet) const {
    const AeadJob& job = jobs_[order_[packet]];
    const auto chunks = job.length / kChunkBytes - static_cast<std::uint32_t>(keys_[packet].chunks);
    return job.aad_length == 0 && chunks >= kLeastSteps ? chunks : 0;
  }
  // Where its chunks begin.
  GOTTHARD_INLINE const std::uint8_t* begin(std::uint32_t i) {
    const PolyKey& key = keys_[packet_[i]];
    PolyRun::Text& text = run_.text[i];
    std::memcpy(&text.r0, key.bytes, 8);
    std::memcpy(&text.r1, key.bytes + 8, 8);
    text.r0 &= 0x0ffffffc0fffffff;
    text.r1 &= 0x0ffffffc0ffffffc;
    text.r1_wrapped = text.r1 + (text.r1 >> 2);
    text.sum = key.sum;
    return reinterpret_cast<const std::uint8_t*>(jobs_[order_[packet_[i]]].text) +
           kChunkBytes * key.chunks;
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
