// What the packet path must know of WireGuard's messages (whitepaper, section 5.4). The handshake
// messages themselves are control's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/wire/endian.h"

namespace gotthard::wire {

inline constexpr std::uint32_t kWgInitiation = 1;
inline constexpr std::uint32_t kWgResponse = 2;
inline constexpr std::uint32_t kWgCookieReply = 3;
inline constexpr std::uint32_t kWgData = 4;

inline constexpr std::size_t kWgInitiationSize = 148;
inline constexpr std::size_t kWgResponseSize = 92;
inline constexpr std::size_t kWgCookieReplySize = 64;
inline constexpr std::size_t kWgMacSize = 16;  // mac1, then mac2, end the first two

struct WgDataHeader {
  Little32 type;  // one byte and three reserved ones that are zero
  Little32 receiver;
  Little64 counter;
};
static_assert(sizeof(WgDataHeader) == 16 && alignof(WgDataHeader) == 1);

inline constexpr std::size_t kWgTagSize = 16;
inline constexpr std::size_t kWgDataMinimum = sizeof(WgDataHeader) + kWgTagSize;

// Inner packets are padded with zeros to a multiple of this, but not beyond the tunnel's MTU
// (5.4.6).
inline constexpr std::size_t kWgPadding = 16;

}  // namespace gotthard::wire
