// What is compiled for CPUs that have more than this machine must have: nothing of it may get into
// code that runs anywhere. So it is always inlined, or has no name outside of its file.
#pragma once

#include <cstdint>

#define GOTTHARD_INLINE inline __attribute__((always_inline))

namespace gotthard::crypto::wide {
namespace {

// The library's are functions with names.
GOTTHARD_INLINE std::uint32_t lesser(std::uint32_t a, std::uint32_t b) { return a < b ? a : b; }
GOTTHARD_INLINE std::uint32_t greater(std::uint32_t a, std::uint32_t b) { return a > b ? a : b; }

}  // namespace
}  // namespace gotthard::crypto::wide
