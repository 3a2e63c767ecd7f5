// UDP, RFC 768.
#pragma once

#include <cstddef>

#include "dataplane/abi/records.h"
#include "dataplane/wire/endian.h"

namespace gotthard::wire {

struct UdpHeader {
  Big16 source;
  Big16 destination;
  Big16 length;
  Big16 checksum;
};
static_assert(sizeof(UdpHeader) == 8 && alignof(UdpHeader) == 1);

// Over pseudo header, header and payload; zero comes out as 0xffff (RFC 768). `udp->checksum` must
// be zero and `udp->length` set. `ip` is the fixed IP header in front of it.
[[nodiscard]] std::uint16_t udp_checksum(const std::byte* ip, abi::Family family,
                                         const UdpHeader* udp);

}  // namespace gotthard::wire
