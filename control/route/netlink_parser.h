// One rtnetlink message into a plain value. Pure: no socket, no state. Lengths are checked before
// anything is read; what we cannot use is said to be unsupported, not guessed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <variant>

#include "control/route/changes.h"

namespace gotthard::route {

// A message of a datagram: header fields and all its bytes (header included).
struct NetlinkMessage {
  std::uint16_t type = 0;
  std::uint16_t flags = 0;
  std::uint32_t sequence = 0;
  std::span<const std::byte> bytes;
};

// Calls `each` for the messages of one datagram. False: the datagram ends inside a message.
bool for_each_message(std::span<const std::byte> datagram,
                      const std::function<void(const NetlinkMessage&)>& each);

struct RouteMessage {
  KernelRoute route;
  bool removed = false;
  bool replaces = false;   // the kernel put it in the place of another of the same key
  bool multipath = false;  // `route` has its first hop
  bool operator==(const RouteMessage&) const = default;
};
enum class Ignored : std::uint8_t {
  irrelevant,   // another table, a cached route, a message type that is not ours
  unsupported,  // a form that we cannot follow
  malformed,
};
using ParsedMessage = std::variant<Link, LinkGone, LocalAddress, LocalAddressGone, RouteMessage,
                                   Neighbour, NeighbourGone, PolicyRule, PolicyRuleGone, Ignored>;

[[nodiscard]] ParsedMessage parse_message(const NetlinkMessage& message);

}  // namespace gotthard::route
