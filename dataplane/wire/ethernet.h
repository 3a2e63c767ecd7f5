// Ethernet II (IEEE 802.3) as it lies in the frame.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/wire/endian.h"

namespace gotthard::wire {

using Mac = std::array<std::uint8_t, 6>;

struct EthernetHeader {
  Mac destination;
  Mac source;
  Big16 type;
};
static_assert(sizeof(EthernetHeader) == 14 && alignof(EthernetHeader) == 1);

inline constexpr std::uint16_t kEtherIpv4 = 0x0800;
inline constexpr std::uint16_t kEtherArp = 0x0806;
inline constexpr std::uint16_t kEtherIpv6 = 0x86dd;

// Broadcast is a group address too.
[[nodiscard]] inline bool is_group(const Mac& mac) { return (mac[0] & 1) != 0; }
[[nodiscard]] inline bool is_broadcast(const Mac& mac) {
  return mac == Mac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
}

}  // namespace gotthard::wire
