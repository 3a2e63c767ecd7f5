// ICMP (RFC 792, RFC 1191) and ICMPv6 (RFC 4443) errors that a router sends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/wire/endian.h"
#include "dataplane/wire/ip.h"

namespace gotthard::wire {

struct IcmpHeader {
  std::uint8_t type;
  std::uint8_t code;
  Big16 checksum;
  Big32 rest;  // too big: the MTU
};
static_assert(sizeof(IcmpHeader) == 8 && alignof(IcmpHeader) == 1);

enum class IcmpError : std::uint8_t {
  too_big,              // fragmentation needed, packet too big
  hops_spent,           // time exceeded in transit
  network_unreachable,  // no route
  host_unreachable,     // no such peer
  route_unreachable,    // by a route of that type, as Linux answers
  prohibited,           // the same (RFC 1812 5.2.7.1, code 13; RFC 4443 3.1, code 1)
};

// Unreachable, quench, redirect, time exceeded, parameter problem.
[[nodiscard]] bool is_icmp_error4(std::uint8_t type);

// An error about this packet may be sent: it is to one host and from one, no later fragment, and no
// error itself (RFC 1812 4.3.2.7, RFC 4443 2.4 (e)).
[[nodiscard]] bool may_answer(std::span<const std::byte> packet);

// Bytes in front of the packet that is quoted, and how much of it is (RFC 1812 4.3.2.3: at most 576
// bytes in all; RFC 4443 2.4 (c): 1280).
[[nodiscard]] std::size_t icmp_error_headers(Family family);
[[nodiscard]] std::size_t icmp_error_quote(Family family, std::size_t length);

// Writes the headers before a quote of `quoted` bytes: `message` begins with room for them. The
// error goes back to the quoted packet's source.
void write_icmp_error(std::byte* message, const abi::Address& from, std::size_t quoted,
                      IcmpError error, std::uint16_t mtu);

}  // namespace gotthard::wire
