// Poly1305 (RFC 8439, 2.5) a block at a time, in integer registers: as runs do it (poly1305_run.h),
// for blocks that are in none. No branch and no address depends on a key or a text.
#pragma once

#include <cstdint>
#include <cstring>

#include "crypto/aead_key.h"
#include "crypto/wide/inline.h"
#include "crypto/wide/poly1305_key.h"
#include "crypto/wide/poly1305_run.h"

namespace gotthard::crypto::wide {
namespace {

using PolyWide = unsigned __int128;

struct PolyBlock {
  std::uint64_t low, high;
};
struct PolyTag {
  std::uint64_t low, high;
};

GOTTHARD_INLINE PolyBlock load_block(const std::uint8_t* p) {
  PolyBlock block;
  std::memcpy(&block, p, sizeof(block));
  return block;
}
// The first `count` bytes, 1 to 15, zeroes after them: two words that overlap, or three bytes.
GOTTHARD_INLINE PolyBlock load_part(const std::uint8_t* p, std::uint32_t count) {
  if (count > 8) {
    PolyBlock block;
    std::memcpy(&block.low, p, 8);
    std::memcpy(&block.high, p + count - 8, 8);
    block.high >>= 8 * (16 - count);
    return block;
  }
  if (count >= 4) {
    std::uint32_t first;
    std::uint32_t last;
    std::memcpy(&first, p, 4);
    std::memcpy(&last, p + count - 4, 4);
    return {first | std::uint64_t{last} << 8 * (count - 4), 0};
  }
  return {p[0] | std::uint64_t{p[count / 2]} << 8 * (count / 2) |
              std::uint64_t{p[count - 1]} << 8 * (count - 1),
          0};
}

// Of a packet that has associated data, 16 bytes at most.
GOTTHARD_INLINE PolyBlock aad_block(const AeadJob& job) {
  const auto* aad = reinterpret_cast<const std::uint8_t*>(job.aad);
  return job.aad_length == 16 ? load_block(aad) : load_part(aad, job.aad_length);
}

// Written in place: a copy as a whole would wait for these stores.
GOTTHARD_INLINE void begin_text(const PolyKey& key, PolyRun::Text* text) {
  std::uint64_t r[2];
  std::memcpy(r, key.bytes, sizeof(r));
  text->r0 = r[0] & 0x0ffffffc0fffffff;
  text->r1 = r[1] & 0x0ffffffc0ffffffc;
  text->r1_wrapped = text->r1 + (text->r1 >> 2);
  text->sum = key.sum;
}

// sum = (sum + block) r, to a little above 2^130.
GOTTHARD_INLINE void absorb(const PolyRun::Text& key, PolyBlock block, PolySum* sum) {
  PolyWide carry = PolyWide{sum->limb[0]} + block.low;
  const auto h0 = static_cast<std::uint64_t>(carry);
  carry = (carry >> 64) + sum->limb[1] + block.high;
  const auto h1 = static_cast<std::uint64_t>(carry);
  const std::uint64_t h2 = sum->limb[2] + 1 + static_cast<std::uint64_t>(carry >> 64);
  const PolyWide low = PolyWide{h0} * key.r0 + PolyWide{h1} * key.r1_wrapped;
  const PolyWide high = PolyWide{h0} * key.r1 + PolyWide{h1} * key.r0 + h2 * key.r1_wrapped +
                        static_cast<std::uint64_t>(low >> 64);
  const std::uint64_t top = h2 * key.r0 + static_cast<std::uint64_t>(high >> 64);
  // What is above 2^130 goes to the bottom five times.
  carry = PolyWide{static_cast<std::uint64_t>(low)} + (top >> 2) + (top & ~std::uint64_t{3});
  sum->limb[0] = static_cast<std::uint64_t>(carry);
  carry = (carry >> 64) + static_cast<std::uint64_t>(high);
  sum->limb[1] = static_cast<std::uint64_t>(carry);
  sum->limb[2] = (top & 3) + static_cast<std::uint64_t>(carry >> 64);
}

// sum mod 2^130 - 5, plus s, mod 2^128. Sum and sum + 5 are both computed, and one is masked.
GOTTHARD_INLINE PolyTag finish(const PolySum& sum, const PolyKey& key) {
  PolyWide carry = PolyWide{sum.limb[0]} + 5;
  const auto g0 = static_cast<std::uint64_t>(carry);
  carry = (carry >> 64) + sum.limb[1];
  const auto g1 = static_cast<std::uint64_t>(carry);
  const std::uint64_t above = (sum.limb[2] + static_cast<std::uint64_t>(carry >> 64)) >> 2;
  const std::uint64_t mask = ~above + 1;
  std::uint64_t s[2];
  std::memcpy(s, key.bytes + 16, sizeof(s));
  carry = PolyWide{(sum.limb[0] & ~mask) | (g0 & mask)} + s[0];
  const auto low = static_cast<std::uint64_t>(carry);
  return {low,
          static_cast<std::uint64_t>(carry >> 64) + ((sum.limb[1] & ~mask) | (g1 & mask)) + s[1]};
}

}  // namespace
}  // namespace gotthard::crypto::wide
