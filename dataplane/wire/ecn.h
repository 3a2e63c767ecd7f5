// Explicit congestion notification and DSCP through tunnels: RFC 6040, section 4; RFC 2983.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "dataplane/wire/ip.h"

namespace gotthard::wire {

// The two low bits of the traffic class (RFC 3168).
inline constexpr std::uint8_t kEcnMask = 0x03;
inline constexpr std::uint8_t kEcnNotCapable = 0;
inline constexpr std::uint8_t kEcnCapable1 = 1;
inline constexpr std::uint8_t kEcnCapable0 = 2;
inline constexpr std::uint8_t kEcnCongested = 3;

[[nodiscard]] inline std::uint8_t traffic_class(const std::byte* ip, Family family) {
  return family == Family::ipv4
             ? reinterpret_cast<const Ipv4Header*>(ip)->tos
             : static_cast<std::uint8_t>(
                   reinterpret_cast<const Ipv6Header*>(ip)->version_class_flow.get() >> 20);
}

// IPv4's checksum follows (RFC 1624).
inline void set_traffic_class(std::byte* ip, Family family, std::uint8_t value) {
  if (family == Family::ipv6) {
    auto* header = reinterpret_cast<Ipv6Header*>(ip);
    header->version_class_flow.set((header->version_class_flow.get() & 0xf00fffff) |
                                   std::uint32_t{value} << 20);
    return;
  }
  auto* header = reinterpret_cast<Ipv4Header*>(ip);
  const auto inverse = [](std::uint32_t word) { return ~word & 0xffff; };
  std::uint32_t sum = inverse(header->checksum.get()) + inverse(header->tos) + value;
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  header->checksum.set(static_cast<std::uint16_t>(inverse(sum)));
  header->tos = value;
}

// Figure 4: what the inner header says once the outer one is gone. Nothing: the packet must be
// dropped, since its sender would not learn of the congestion.
[[nodiscard]] constexpr std::optional<std::uint8_t> decapsulated_ecn(std::uint8_t inner,
                                                                     std::uint8_t outer) {
  if (outer == kEcnCongested) {
    return inner == kEcnNotCapable ? std::nullopt : std::optional(kEcnCongested);
  }
  return outer == kEcnCapable1 && inner == kEcnCapable0 ? kEcnCapable1 : inner;
}

}  // namespace gotthard::wire
