// Addresses of IP packets, and where packets with such may go. Inline: asked of each packet.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "dataplane/wire/ip_header.h"

namespace gotthard::wire {

using Ipv6Address = std::array<std::uint8_t, 16>;

[[nodiscard]] inline abi::Address source_of(const std::byte* ip, Family family) {
  abi::Address address{.family = family};
  if (family == Family::ipv4) {
    std::memcpy(address.bytes.data(), &reinterpret_cast<const Ipv4Header*>(ip)->source, 4);
  } else {
    address.bytes = reinterpret_cast<const Ipv6Header*>(ip)->source;
  }
  return address;
}

[[nodiscard]] inline abi::Address destination_of(const std::byte* ip, Family family) {
  abi::Address address{.family = family};
  if (family == Family::ipv4) {
    std::memcpy(address.bytes.data(), &reinterpret_cast<const Ipv4Header*>(ip)->destination, 4);
  } else {
    address.bytes = reinterpret_cast<const Ipv6Header*>(ip)->destination;
  }
  return address;
}

// source_of() without a copy to compare with.
[[nodiscard]] inline bool is_from(const std::byte* ip, Family family, const abi::Address& address) {
  if (family != address.family) {
    return false;
  }
  return family == Family::ipv4 ? std::memcmp(&reinterpret_cast<const Ipv4Header*>(ip)->source,
                                              address.bytes.data(), 4) == 0
                                : reinterpret_cast<const Ipv6Header*>(ip)->source == address.bytes;
}

[[nodiscard]] inline bool link_local4(std::uint32_t address) { return address >> 16 == 0xa9fe; }
[[nodiscard]] inline bool link_local6(const Ipv6Address& address) {
  return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}
[[nodiscard]] inline bool group4(std::uint32_t address) {
  return address >> 28 == 0xe || address == 0xffffffff;
}
[[nodiscard]] inline bool group6(const Ipv6Address& address) { return address[0] == 0xff; }

[[nodiscard]] inline bool one_host4(std::uint32_t address) {
  const std::uint32_t first = address >> 24;
  return first != 0 && first != 127 && first < 224 && !link_local4(address);
}

[[nodiscard]] inline bool one_host6(const Ipv6Address& address) {
  if (group6(address) || link_local6(address)) {
    return false;
  }
  // ::/127 holds the unspecified and the loopback address.
  return address[0] != 0 || address[15] > 1 ||
         !std::all_of(address.begin(), address.end() - 1, [](std::uint8_t b) { return b == 0; });
}

// Addresses that a router must not forward to: multicast, broadcast, loopback, link-local,
// unspecified (RFC 1812 5.3.7, RFC 4291 2.5.6).
[[nodiscard]] inline bool forwardable_destination(const std::byte* ip, Family family) {
  return family == Family::ipv4
             ? one_host4(reinterpret_cast<const Ipv4Header*>(ip)->destination.get())
             : one_host6(reinterpret_cast<const Ipv6Header*>(ip)->destination);
}

// Sources that no packet in transit has (RFC 1812 5.3.7, RFC 6890): the same kinds.
[[nodiscard]] inline bool forwardable_source(const std::byte* ip, Family family) {
  return family == Family::ipv4 ? one_host4(reinterpret_cast<const Ipv4Header*>(ip)->source.get())
                                : one_host6(reinterpret_cast<const Ipv6Header*>(ip)->source);
}

// Of those, what hosts on one link say to each other: to groups, to all, to link-local addresses
// (RFC 3927, RFC 4291 2.5.6), and from the latter.
[[nodiscard]] inline bool on_link_destination(const std::byte* ip, Family family) {
  if (family == Family::ipv4) {
    const std::uint32_t to = reinterpret_cast<const Ipv4Header*>(ip)->destination.get();
    return link_local4(to) || group4(to);
  }
  const Ipv6Address& to = reinterpret_cast<const Ipv6Header*>(ip)->destination;
  return link_local6(to) || group6(to);
}

[[nodiscard]] inline bool link_local_source(const std::byte* ip, Family family) {
  return family == Family::ipv4 ? link_local4(reinterpret_cast<const Ipv4Header*>(ip)->source.get())
                                : link_local6(reinterpret_cast<const Ipv6Header*>(ip)->source);
}

}  // namespace gotthard::wire
