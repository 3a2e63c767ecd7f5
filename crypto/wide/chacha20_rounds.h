// The rounds of ChaCha20 (RFC 8439, 2.3) for two sets of blocks side by side, and Poly1305 in their
// shadow.
#pragma once

#include <cstdint>

#include "crypto/wide/poly1305_run.h"

namespace gotthard::crypto::wide {

// Word w of a set's blocks in a vector: 16 lanes with AVX-512, 8 with AVX2.
//
//            lane 0       lane 1            last lane
//   word 0   block 0      block 1     ...   block 15 or 7  the constants
//   ...                                                    4 ... 11: keys
//   word 12  block 0      block 1     ...   block 15 or 7  counters, then nonces
template <std::uint32_t kLanes>
struct alignas(64) ChaChaWords {
  std::uint32_t word[16][kLanes];
};

// The key stream of a set, a block after the other.
template <std::uint32_t kLanes>
struct alignas(64) ChaChaBlocks {
  std::uint8_t block[kLanes][64];
};

extern "C" {
// AVX-512. `stream` becomes the key stream of the blocks that begin as `initial` says: two sets, or
// one. Two are woven into each other: each hides the other's latency, and all 32 registers are in
// use, which compilers do not manage without going through memory.
void gotthard_chacha20_2x16(const ChaChaWords<16>* initial, ChaChaBlocks<16>* stream);
void gotthard_chacha20_16(const ChaChaWords<16>* initial, ChaChaBlocks<16>* stream);
// The same with a run in it.
void gotthard_chacha20_2x16_poly1305(const ChaChaWords<16>* initial, ChaChaBlocks<16>* stream,
                                     PolyRun* run);

// AVX2. One set takes all 16 registers and some memory; of two woven into each other, most words
// are in memory most of the time, which takes less time still.
void gotthard_chacha20_8(const ChaChaWords<8>* initial, ChaChaBlocks<8>* stream);
void gotthard_chacha20_2x8(const ChaChaWords<8>* initial, ChaChaBlocks<8>* stream);
void gotthard_chacha20_2x8_poly1305(const ChaChaWords<8>* initial, ChaChaBlocks<8>* stream,
                                    PolyRun* run);
}

}  // namespace gotthard::crypto::wide
