// Ethernet II (IEEE 802.3) as it lies in the frame.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

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

// IEEE 802.1Q: between the addresses and the type.
struct VlanTag {
  Big16 type;     // kEtherVlan
  Big16 control;  // priority, drop eligibility, number
};
static_assert(sizeof(VlanTag) == 4 && alignof(VlanTag) == 1);

inline constexpr std::uint16_t kEtherVlan = 0x8100;
inline constexpr std::uint16_t kVlanMask = 0x0fff;  // 0: a tag that only has a priority

// Makes the header in front of room for a tag one of a tagged frame, of priority 0.
inline void write_tag(EthernetHeader* header, std::uint16_t vlan) {
  const Big16 type = header->type;
  header->type.set(kEtherVlan);
  auto* behind = reinterpret_cast<Big16*>(header + 1);
  behind[0].set(vlan);
  behind[1] = type;
}

// Two loads and compares each, where == of arrays calls memcmp().
[[nodiscard]] inline bool same(const Mac& a, const Mac& b) {
  const auto differ = [&](std::size_t at, auto word) {
    auto other = word;
    std::memcpy(&word, a.data() + at, sizeof(word));
    std::memcpy(&other, b.data() + at, sizeof(word));
    return static_cast<std::uint32_t>(word ^ other);
  };
  return (differ(0, std::uint32_t{}) | differ(4, std::uint16_t{})) == 0;
}

// Broadcast is a group address too.
[[nodiscard]] inline bool is_group(const Mac& mac) { return (mac[0] & 1) != 0; }
[[nodiscard]] inline bool is_broadcast(const Mac& mac) {
  return mac == Mac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
}

}  // namespace gotthard::wire
