// What traffic selectors look at in a packet (RFC 4301, 4.4.1.1).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/wire/ip.h"

namespace gotthard::wire {

// Addresses of both families, ports and protocol are numbers alike; IPv4 in the low 32 bits.
using SelectorNumber = unsigned __int128;

enum class SelectorField : std::uint8_t { remote, local, remote_port, local_port, protocol };
inline constexpr std::size_t kSelectorFields = 5;
using SelectorNumbers = std::array<SelectorNumber, kSelectorFields>;

// Of packets that have none, or none that can be seen: only selectors that take any take them
// ("OPAQUE" in the RFC).
inline constexpr std::uint32_t kNoPort = 0x10000;
inline constexpr std::uint32_t kNoProtocol = 0x100;

struct SelectorKey {
  Family family = Family::none;
  SelectorNumbers numbers{};
};

enum class Direction : std::uint8_t { outbound, inbound };

// `packet` was taken by parse_ip(). Local is the source of what goes out, the destination of what
// came in. Of ICMP both ports are type * 256 + code (RFC 7296, 3.13.1).
[[nodiscard]] SelectorKey selector_key(std::span<const std::byte> packet, Family family,
                                       Direction direction);

[[nodiscard]] SelectorNumber selector_number(const abi::Address& address);

}  // namespace gotthard::wire
