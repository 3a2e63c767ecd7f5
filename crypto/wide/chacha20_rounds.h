// The rounds of ChaCha20 (RFC 8439, 2.3) for 32 blocks side by side.
#pragma once

#include <cstdint>

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

extern "C" {
// `stream` becomes the key stream of the blocks that begin as `initial` says: two sets, or one. Two
// are woven into each other: each hides the other's latency, and all 32 registers are in use, which
// compilers do not manage without going through memory.
void gotthard_chacha20_rounds_2x16(const ChaChaWords* initial, ChaChaWords* stream);
void gotthard_chacha20_rounds_16(const ChaChaWords* initial, ChaChaWords* stream);
}

}  // namespace gotthard::crypto::wide
