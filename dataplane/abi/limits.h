// Sizes that both sides of the boundary agree on.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gotthard::abi {

inline constexpr std::uint16_t kVersion = 1;

inline constexpr std::size_t kMaxWorkers = 64;
inline constexpr std::size_t kMaxPorts = 16;
inline constexpr std::size_t kMaxVlans = 48;  // of all ports
inline constexpr std::size_t kMaxInterfaces = 16;
inline constexpr std::size_t kMaxPeers = 16384;
inline constexpr std::size_t kMaxSessions = 65536;  // slots; a power of two
inline constexpr std::size_t kMaxNeighbours = 16384;
inline constexpr std::size_t kMaxNextHops = 32768;  // and owners
inline constexpr std::size_t kMaxHopGroups = 4096;
inline constexpr std::size_t kMaxGroupHops = 32;  // next hops that share a route's traffic
inline constexpr std::size_t kMaxHopChoices = 1024;
inline constexpr std::size_t kMaxChoices = 8;  // of one
inline constexpr std::size_t kNameSize = 16;   // as IFNAMSIZ

// A session id is an inbound SPI or receiver index: the slot in the low bits, the rest random per
// use. Values below 256 are reserved by RFC 4303.
inline constexpr std::uint32_t kSlotMask = kMaxSessions - 1;
inline constexpr std::uint32_t kLowestSessionId = 256;
// SPIs that are configured have all their bits in the slot; no id above is ever one of them.
inline constexpr std::uint32_t kHighestConfiguredId = 0xffff;
static_assert(kHighestConfiguredId <= kSlotMask);
inline constexpr std::size_t kSaSuites = 16;  // as crypto::kSuites

// Where packets come and go: a port by its number, or a VLAN of one (IEEE 802.1Q). Such a number
// says itself what it stands for, so it means the same to each control and data plane.
inline constexpr std::uint16_t kHighestVlan = 4094;
[[nodiscard]] constexpr std::uint16_t link_of(std::uint16_t port, std::uint16_t vlan) {
  return static_cast<std::uint16_t>(vlan * kMaxPorts + port);
}
[[nodiscard]] constexpr std::uint16_t port_of(std::uint16_t link) {
  return static_cast<std::uint16_t>(link % kMaxPorts);
}
[[nodiscard]] constexpr std::uint16_t vlan_of(std::uint16_t link) {  // 0: the port itself
  return static_cast<std::uint16_t>(link / kMaxPorts);
}

}  // namespace gotthard::abi
