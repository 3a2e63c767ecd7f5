// What is known of a packet's Poly1305 before it is hashed, and so far.
#pragma once

#include <cstdint>

#include "crypto/wide/poly1305_run.h"

namespace gotthard::crypto::wide {
namespace {

// r and s of a packet, the first half of its first block of key stream, and its head.
struct alignas(64) PolyKey {
  std::uint8_t bytes[32];
  PolySum sum;
  std::uint64_t chunks;  // that are in it
};

}  // namespace
}  // namespace gotthard::crypto::wide
