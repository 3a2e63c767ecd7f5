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

// An initiation with a right mac1 and nothing that control would accept.
Bytes initiation();

}  // namespace gotthard::packet_test
