// TCP (RFC 9293): as much as a gateway needs to make segments fit into a tunnel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/wire/endian.h"

namespace gotthard::wire {

struct TcpHeader {
  Big16 source;
  Big16 destination;
  Big32 sequence;
  Big32 acknowledgment;
  std::uint8_t offset;  // words of the header, in the high four bits
  std::uint8_t flags;
  Big16 window;
  Big16 checksum;
  Big16 urgent;
};
static_assert(sizeof(TcpHeader) == 20 && alignof(TcpHeader) == 1);

inline constexpr std::uint8_t kTcpSyn = 0x02;

// Lowers the maximum segment size that a SYN announces (RFC 9293, 3.7.1) to `most`; the checksum
// follows. Leaves alone what is no SYN, has no such option, or is malformed.
void clamp_mss(std::span<std::byte> segment, std::uint16_t most);

}  // namespace gotthard::wire
