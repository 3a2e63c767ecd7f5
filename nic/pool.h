// Packet buffers. In front of a received frame there is room for the headers of nested tunnels,
// behind it for padding and tag.
#pragma once

#include <rte_mempool.h>

#include <cstdint>
#include <string>

#include "base/result.h"

namespace gotthard::nic {

// DPDK leaves RTE_PKTMBUF_HEADROOM (128 in Debian's build) in front, and drivers offer no other
// value; after reception the Ethernet header's 14 bytes are free too. One WireGuard encapsulation
// over IPv6 takes 40 + 8 + 16, and 14 for the next Ethernet header: two fit. For tunnels within
// more tunnels packets move back, where their tags and padding need room too.
inline constexpr std::uint32_t kOneEncapsulation = 40 + 8 + 16;
inline constexpr std::uint32_t kTailroom = 256;

// Bytes of a buffer that takes frames of `mtu` bytes with their Ethernet header and a VLAN tag from
// any driver.
[[nodiscard]] std::uint32_t buffer_bytes(std::uint16_t mtu);

// `count` buffers of that size.
Result<rte_mempool*> create_pool(const std::string& name, std::uint32_t count, std::uint16_t mtu,
                                 int socket);

}  // namespace gotthard::nic
