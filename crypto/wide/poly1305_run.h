// Poly1305 (RFC 8439, 2.5) in integer registers: 64 bits a limb, two limbs and a few bits above
// them. A run goes over two texts, whose latencies hide each other, a chunk of each in a step.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gotthard::crypto::wide {

inline constexpr std::uint32_t kChunkBytes = 64;

// One for each double round of ChaCha20. Vectors of AVX-512 leave the integer units idle: so many
// steps take next to no time. Those of five blocks a text instead of four were measured to take as
// much more as they save elsewhere.
inline constexpr std::uint32_t kRunSteps = 10;

struct PolySum {
  std::uint64_t limb[3];
};

struct PolyRun {
  struct alignas(64) Text {
    std::uint64_t r0, r1;      // the key,
    std::uint64_t r1_wrapped;  // and r1 x 5 / 4: what it is at 2^130
    PolySum sum;               // of what was before
  };
  struct alignas(64) Step {
    const std::uint8_t* chunk[2];
    PolySum sum[2];  // becomes what it is after the chunk
  };
  Text text[2];
  Step step[kRunSteps];
  std::uint64_t steps;  // that count, 1 or more: AVX2 leaves out the others
};
extern "C" {
// The sum of each of two texts becomes what it is after `blocks` more of 16 bytes, at least one.
void gotthard_poly1305_two(PolyRun::Text text[2], const std::uint8_t* first,
                           const std::uint8_t* second, std::uint64_t blocks);
}

static_assert(sizeof(PolyRun::Text) == 64 && offsetof(PolyRun::Text, sum) == 24);
static_assert(sizeof(PolyRun::Step) == 64 && offsetof(PolyRun::Step, sum) == 16);
static_assert(offsetof(PolyRun, step) == 128 && offsetof(PolyRun, steps) == 768);

}  // namespace gotthard::crypto::wide
