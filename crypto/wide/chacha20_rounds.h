// The rounds of ChaCha20 (RFC 8439, 2.3) for 32 blocks side by side, and Poly1305 in their shadow.
#pragma once

#include <cstdint>

#include "crypto/wide/poly1305_run.h"

namespace gotthard::crypto::wide {

// Word w of 16 blocks in a vector, in two sets of 16 blocks:
//
//            lane 0       lane 1            lane 15
//   word 0   block 0      block 1     ...   block 15       the constants
//   ...                                                    4 ... 11: keys
//   word 12  block 0      block 1     ...   block 15       counters, then nonces
struct alignas(64) ChaChaWords {
  std::uint32_t word[16][16];
};

// The key stream of a set, a block after the other.
struct alignas(64) ChaChaBlocks {
  std::uint8_t block[16][64];
};

extern "C" {
// `stream` becomes the key stream of the blocks that begin as `initial` says: two sets, or one. Two
// are woven into each other: each hides the other's latency, and all 32 registers are in use, which
// compilers do not manage without going through memory.
void gotthard_chacha20_2x16(const ChaChaWords* initial, ChaChaBlocks* stream);
void gotthard_chacha20_16(const ChaChaWords* initial, ChaChaBlocks* stream);
// The same with a run in it.
void gotthard_chacha20_2x16_poly1305(const ChaChaWords* initial, ChaChaBlocks* stream,
                                     PolyRun* run);
}

}  // namespace gotthard::crypto::wide
