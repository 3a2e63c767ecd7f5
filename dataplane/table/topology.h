// What classification must know of ports, interfaces and the gateway's own addresses: one immutable
// object, replaced as a whole by the manager and reclaimed when no worker reads it any more.
#pragma once

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "dataplane/abi/limits.h"
#include "dataplane/abi/records.h"
#include "dataplane/wire/ethernet.h"

namespace gotthard::dataplane {

inline constexpr std::size_t kMaxLocalAddresses = 64;

inline constexpr std::uint16_t kLinkPlaces = abi::kMaxPorts + abi::kMaxVlans;
inline constexpr std::uint16_t kNoLink = kLinkPlaces;
struct VlanPlace {
  std::uint16_t link = 0;
  std::uint16_t place = 0;
  auto operator<=>(const VlanPlace&) const = default;
};

// Addresses that ICMP errors come from, one a family; Family::none when there is none to give.
struct AnswerAddresses {
  abi::Address ipv4;
  abi::Address ipv6;
  [[nodiscard]] const abi::Address& of(abi::Family family) const {
    return family == abi::Family::ipv4 ? ipv4 : ipv6;
  }
};

// A port or a VLAN of one, which has what its port has. Packets and next hops name it by its place
// in Topology::ports, which is a port's number for a port.
struct TopologyPort {
  wire::Mac mac{};
  bool underlay = false;
  std::uint16_t mtu = 0;
  std::uint16_t ethdev = 0;  // DPDK's port id
  std::uint16_t queues = 0;  // queue n is worker n's; workers beyond have none
  AnswerAddresses answers;
  bool used = false;
  std::uint16_t link = 0;  // as in records
  [[nodiscard]] std::uint16_t vlan() const { return abi::vlan_of(link); }
  [[nodiscard]] std::uint16_t port() const { return abi::port_of(link); }
};

struct TopologyInterface {
  bool used = false;
  bool up = false;
  std::uint16_t listen_port = 0;  // network byte order
  std::uint16_t mtu = 0;
  bool copy_dscp = false;
  bool clamp_mss = false;
  bool fragment_after = false;
  bool speaks_ike = false;
  std::uint8_t source_ports = 1;  // from listen_port on
  std::array<std::uint8_t, 32> mac1_key{};
  abi::TunnelKind kind = abi::TunnelKind::wireguard;
  AnswerAddresses answers;
};

struct Topology {
  std::array<TopologyPort, kLinkPlaces + 1> ports;  // the last one is never used
  std::array<TopologyInterface, abi::kMaxInterfaces> interfaces;
  std::uint32_t port_count = 0;  // without VLANs
  std::uint32_t vlan_count = 0;
  std::array<VlanPlace, abi::kMaxVlans> vlans{};      // sorted
  std::uint32_t interface_count = 0;                  // one more than the greatest used number
  bool ipsec = false;                                 // one of them at least is
  std::uint16_t ike_interface = abi::kMaxInterfaces;  // one of those that speak IKE, if any does
  std::uint32_t local4_count = 0;
  std::uint32_t local6_count = 0;
  std::array<std::uint32_t, kMaxLocalAddresses> local4{};  // as on the wire
  std::array<std::array<std::uint8_t, 16>, kMaxLocalAddresses> local6{};
  // Of either family a bit for each address's hash: most packets are for none, and most of these
  // are known by it.
  std::uint64_t local4_hashes = 0;
  std::uint64_t local6_hashes = 0;

  // The place of a port or VLAN, or kNoLink, whose entry is not `used`.
  [[nodiscard]] std::uint16_t place_of(std::uint16_t link) const {
    if (abi::vlan_of(link) == 0) {
      return link < port_count ? link : kNoLink;
    }
    const VlanPlace* end = vlans.data() + vlan_count;
    const VlanPlace* at = std::lower_bound(vlans.data(), end, VlanPlace{link, 0});
    return at != end && at->link == link ? at->place : kNoLink;
  }

  [[nodiscard]] bool is_local4(std::uint32_t raw) const {
    if ((local4_hashes >> hash_of(raw) & 1) == 0) {
      return false;
    }
    for (std::uint32_t i = 0; i < local4_count; ++i) {
      if (local4[i] == raw) {
        return true;
      }
    }
    return false;
  }
  [[nodiscard]] bool is_local6(const std::array<std::uint8_t, 16>& address) const {
    if ((local6_hashes >> hash_of(address) & 1) == 0) {
      return false;
    }
    for (std::uint32_t i = 0; i < local6_count; ++i) {
      if (local6[i] == address) {
        return true;
      }
    }
    return false;
  }
  // There is room.
  void add_local(const abi::Address& address) {
    if (address.family == abi::Family::ipv4) {
      std::uint32_t raw;
      std::memcpy(&raw, address.bytes.data(), sizeof(raw));
      local4[local4_count++] = raw;
      local4_hashes |= std::uint64_t{1} << hash_of(raw);
    } else {
      local6[local6_count++] = address.bytes;
      local6_hashes |= std::uint64_t{1} << hash_of(address.bytes);
    }
  }
  [[nodiscard]] static unsigned hash_of(std::uint32_t raw) { return (raw * 0x9e3779b1U) >> 26; }
  [[nodiscard]] static unsigned hash_of(const std::array<std::uint8_t, 16>& address) {
    std::array<std::uint32_t, 4> words;
    std::memcpy(words.data(), address.data(), sizeof(words));
    return hash_of(words[0] ^ words[1] ^ words[2] ^ words[3]);
  }
  // The tunnel that listens at `udp_port` (network byte order), or kMaxInterfaces. Of IPsec: one of
  // those that share the port, and that of IKE.
  [[nodiscard]] std::uint16_t listener(std::uint16_t udp_port) const {
    if (udp_port == htons(abi::kIkePort) && ike_interface != abi::kMaxInterfaces) {
      return ike_interface;
    }
    for (std::uint16_t i = 0; i < interface_count; ++i) {
      const TopologyInterface& candidate = interfaces[i];
      const auto above = static_cast<std::uint16_t>(ntohs(udp_port) - ntohs(candidate.listen_port));
      if (candidate.used && above < candidate.source_ports) {
        return i;
      }
    }
    return abi::kMaxInterfaces;
  }
};

}  // namespace gotthard::dataplane
