// Poly1305 (RFC 8439, 2.5) over eight packets at once: a packet has a lane of 64 bits, with a key
// of its own, and no power of a key has to be joined with another at the end. A step takes 64 bytes
// of each packet, transposed so that a vector has one word of 8 bytes of each.
#pragma once

#include <immintrin.h>

#include "crypto/aead_key.h"
#include "crypto/wide/poly1305_alike.h"
#include "crypto/wide/poly1305_key.h"
#include "crypto/wide/poly1305_lanes.h"
#include "crypto/wide/poly1305_unlike.h"

namespace gotthard::crypto::wide {
namespace {

struct PolyVectors {
  static constexpr std::uint32_t kGroup = PolyLanes::kLanes;
  // Fewer are not worth a run.
  static constexpr std::uint32_t kLeastSteps = 4;
  // While a group is decrypted there are fewer runs than would hash the next.
  static constexpr bool kRunsInTurn = true;

  // The tags of the packets jobs[order[0]] ... jobs[order[count - 1]], count <= 8; keys[i] is that
  // of the packet order[i]. Texts are as they travel: sealed. Associated data: at most one block.
  static void tags(const AeadJob* jobs, const std::uint8_t* order, std::uint32_t count,
                   const PolyKey* keys, __m128i* tags) {
    const int packets = static_cast<int>(count);
    PolyLanes lanes(keys, packets);
    if (PolyAlike::are_alike(jobs, order, packets, keys)) {
      lanes.tags(PolyAlike::hash(jobs, order, packets, keys, &lanes), tags, packets);
    } else {
      lanes.tags(PolyUnlike::hash(jobs, order, packets, keys, &lanes), tags, packets);
    }
  }
};

}  // namespace
}  // namespace gotthard::crypto::wide
