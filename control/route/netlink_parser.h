// One rtnetlink message into a plain value. Pure: no socket, no state. Lengths are checked before
// anything is read; what we cannot use is said to be unsupported, not guessed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <span>
#include <utility>
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
  KernelRoute route;  // by a next-hop object: with what the kernel spells out of that, if it does
  bool removed = false;
  bool replaces = false;  // the kernel put it in the place of another of the same key
  bool operator==(const RouteMessage&) const = default;
};

// A next-hop object (`ip nexthop`): one way, or a group of others.
struct NextHopMember {
  std::uint32_t id = 0;
  std::uint16_t weight = 1;
  bool operator==(const NextHopMember&) const = default;
};
struct NextHopObject {
  std::uint32_t id = 0;
  RouteType type = RouteType::unicast;  // or blackhole, or not_followed
  Obstacle obstacle = Obstacle::none;
  RouteHop hop;                        // no group's
  std::vector<NextHopMember> members;  // a group's
  bool operator==(const NextHopObject&) const = default;
};
struct NextHopObjectGone {
  std::uint32_t id = 0;
  bool operator==(const NextHopObjectGone&) const = default;
};

// Tables whose routes are followed: main, and those that have been added.
class FollowedTables {
 public:
  using Table = std::pair<abi::Family, std::uint32_t>;
  [[nodiscard]] bool contains(abi::Family family, std::uint32_t table) const {
    return table == kMainTable || others_.contains({family, table});
  }
  [[nodiscard]] std::set<Table>& others() { return others_; }
  [[nodiscard]] const std::set<Table>& others() const { return others_; }

 private:
  std::set<Table> others_;
};

enum class Ignored : std::uint8_t {
  irrelevant,  // of a table that is not followed, a cached route, a type that is not ours
  malformed,
};
using ParsedMessage =
    std::variant<Link, LinkGone, LocalAddress, LocalAddressGone, RouteMessage, NextHopObject,
                 NextHopObjectGone, Neighbour, NeighbourGone, PolicyRule, PolicyRuleGone, Ignored>;

[[nodiscard]] ParsedMessage parse_message(const NetlinkMessage& message,
                                          const FollowedTables& tables);

}  // namespace gotthard::route
