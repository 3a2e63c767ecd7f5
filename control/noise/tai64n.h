// Timestamps of initiations: TAI64N, whitened, strictly increasing (WireGuard paper, section 5.1).
#pragma once

#include <array>
#include <cstdint>

#include "base/clock.h"

namespace gotthard::noise {

// 8 bytes of seconds and 4 of nanoseconds, big endian: comparing bytes compares times. All zero is
// before any time.
using Tai64n = std::array<std::uint8_t, 12>;

// What one peer's handshakes must remember across a restart of control.
struct Timestamps {
  Tai64n greatest_received{};
  Tai64n last_sent{};
  bool operator==(const Timestamps&) const = default;
};

// Nanoseconds lose their low 24 bits, as in Linux: 2^24 ns is the greatest power of two within the
// 20 ms that separate two initiations, and an exact clock is nobody else's business.
[[nodiscard]] Tai64n tai64n(Nanoseconds wall);

// The one to send at `wall`: after `last_sent` even when the clock went backward.
[[nodiscard]] Tai64n next_tai64n(Nanoseconds wall, const Tai64n& last_sent);

}  // namespace gotthard::noise
