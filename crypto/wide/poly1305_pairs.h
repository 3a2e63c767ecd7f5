// Poly1305 of two packets at once, a block of each in turn: one alone waits for its products most
// of the time. They have as many blocks of text or nearly, so what only one has is little:
//
//   packet 0    aad   text text text text text text   lengths
//   packet 1    aad   text text text text             lengths
//
// A block takes 7 cycles so, and less than 2 in the shadow of ChaCha20's rounds, where nearly all
// are. Four packets in the lanes of vpmuludq were measured to take 5 to 8, by compiler, and have no
// shadow to be in.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "crypto/aead_key.h"
#include "crypto/wide/inline.h"
#include "crypto/wide/poly1305_key.h"
#include "crypto/wide/poly1305_words.h"

namespace gotthard::crypto::wide {
namespace {

struct PolyPairs {
  static constexpr std::uint32_t kGroup = 2;
  // Fewer are not worth a run.
  static constexpr std::uint32_t kLeastSteps = 2;
  // A run hashes more than a unit encrypts: a group's heads are over when its turn comes.
  static constexpr bool kRunsInTurn = false;

  // The tags of the packets jobs[order[0]] ... jobs[order[count - 1]], count <= 2; keys[i] is that
  // of the packet order[i]. Texts are as they travel: sealed. Associated data: at most one block.
  static void tags(const AeadJob* jobs, const std::uint8_t* order, std::uint32_t count,
                   const PolyKey* keys, __m128i* tags) {
    Rests rests;
    for (std::uint32_t i = 0; i < count; ++i) {
      rests.take(i, jobs[order[i]], keys[i]);
    }
    if (count == 2) {
      rests.hash_both();
    }
    for (std::uint32_t i = 0; i < count; ++i) {
      tags[i] = rests.tag(i, jobs[order[i]], keys[i]);
    }
  }

 private:
  // What of the packets is not in their heads.
  class Rests {
   public:
    Rests() = default;
    ~Rests() {
      text_[0] = {};
      text_[1] = {};
      asm volatile("" : : "r"(text_) : "memory");
    }
    Rests(const Rests&) = delete;
    Rests& operator=(const Rests&) = delete;

    GOTTHARD_INLINE void take(std::uint32_t i, const AeadJob& job, const PolyKey& key) {
      const std::uint32_t head = kChunkBytes * static_cast<std::uint32_t>(key.chunks);
      begin_text(key, &text_[i]);
      next_[i] = reinterpret_cast<const std::uint8_t*>(job.text) + head;
      blocks_[i] = (job.length - head) / 16;
      if (head == 0 && job.aad_length != 0) {
        absorb(text_[i], aad_block(job), &text_[i].sum);
      }
    }
    GOTTHARD_INLINE void hash_both() {
      const std::uint32_t blocks = lesser(blocks_[0], blocks_[1]);
      if (blocks != 0) {
        gotthard_poly1305_two(text_, next_[0], next_[1], blocks);
        for (int i = 0; i < 2; ++i) {
          next_[i] += 16 * blocks;
          blocks_[i] -= blocks;
        }
      }
    }
    // What is left of one, and how long it was.
    GOTTHARD_INLINE __m128i tag(std::uint32_t i, const AeadJob& job, const PolyKey& key) {
      PolySum sum = text_[i].sum;
      for (; blocks_[i] != 0; --blocks_[i], next_[i] += 16) {
        absorb(text_[i], load_block(next_[i]), &sum);
      }
      if (job.length % 16 != 0) {
        absorb(text_[i], load_part(next_[i], job.length % 16), &sum);
      }
      absorb(text_[i], {job.aad_length, job.length}, &sum);
      const PolyTag tag = finish(sum, key);
      return _mm_set_epi64x(static_cast<long long>(tag.high), static_cast<long long>(tag.low));
    }

   private:
    PolyRun::Text text_[2];
    const std::uint8_t* next_[2];
    std::uint32_t blocks_[2];  // whole ones that are left
  };
};

}  // namespace
}  // namespace gotthard::crypto::wide
