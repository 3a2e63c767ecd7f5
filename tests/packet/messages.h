// WireGuard's messages as tests send and expect them.
#pragma once

#include "tests/packet/bench.h"

namespace gotthard::packet_test {

inline constexpr std::uint32_t kSession0 = 0x12340100;
inline constexpr std::uint32_t kSession1 = 0x12340200;

// Inner packets between the LAN's host and one behind peer 0.
Bytes to_peer0();
Bytes from_peer0();

// The message in a frame that left the underlay, its outer headers checked.
Bytes message_in(const Bytes& frame, bool v6);

// A handshake message with a right mac1 (and a mac2, or none) and nothing that control would
// accept.
Bytes handshake(std::uint8_t type, bool mac2 = true);
inline Bytes initiation() { return handshake(1); }

}  // namespace gotthard::packet_test
