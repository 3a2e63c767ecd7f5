// What the kernel tells about its links, addresses, routes and neighbours, as plain values: the
// netlink follower makes them, the FIB builder takes them.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "control/config/config.h"
#include "dataplane/abi/records.h"

namespace gotthard::route {

using abi::Address;
using config::Prefix;
using Mac = std::array<std::uint8_t, 6>;

struct Link {
  int index = 0;
  std::string name;
  bool up = false;  // administratively
  std::uint32_t mtu = 0;
  bool carrier = true;
  int parent = 0;  // of a VLAN (IEEE 802.1Q) of another link here: that link
  std::uint16_t vlan = 0;
  bool operator==(const Link&) const = default;
};
struct LinkGone {
  int index = 0;
  bool operator==(const LinkGone&) const = default;
};

struct LocalAddress {
  int link = 0;
  Address address;
  std::uint8_t prefix_length = 0;
  bool source = true;  // may be chosen as source: neither tentative, deprecated nor temporary
  bool operator==(const LocalAddress&) const = default;
};
struct LocalAddressGone {
  int link = 0;
  Address address;
  std::uint8_t prefix_length = 0;  // one address may be there with several
  bool operator==(const LocalAddressGone&) const = default;
};

enum class RouteType : std::uint8_t {
  unicast,
  local,
  blackhole,
  unreachable,
  prohibit,
  none,          // `throw`: there is no route to what it covers, though a shorter one might be
  not_followed,  // for the obstacle that is named
};
enum class Obstacle : std::uint8_t {
  none,
  encapsulation,  // MPLS, SRv6 and the like (`encap`)
  hops,           // more next hops than a group holds
  type,           // none of RouteType
};

// One way that a route leads; several share the traffic in proportion to their weights.
struct RouteHop {
  int link = 0;
  Address gateway;  // family none: on-link. May be of the other family (RFC 5549)
  std::uint16_t weight = 1;
  auto operator<=>(const RouteHop&) const = default;
};

inline constexpr std::uint32_t kMainTable = 254;  // RT_TABLE_MAIN

// A route of the kernel's main table, or of another that outer packets are routed by. The whole
// value is its identity: the kernel has several routes of one prefix and metric.
struct KernelRoute {
  std::uint32_t table = kMainTable;
  Prefix destination;
  std::uint32_t metric = 0;
  std::uint8_t tos = 0;  // IPv4: only for packets of this class; 0: for all
  Prefix from;           // IPv6: only for packets from there; length 0: for all
  RouteType type = RouteType::unicast;
  Obstacle obstacle = Obstacle::none;
  std::uint8_t protocol = 0;
  std::uint32_t next_hop = 0;  // id of the kernel's next-hop object, 0 for none
  std::vector<RouteHop> hops;  // sorted, none twice; a local one's link
  Address source;              // preferred source, family none if not given
  std::uint32_t mtu = 0;       // 0: the link's
  auto operator<=>(const KernelRoute&) const = default;
};
struct RouteAdded {
  KernelRoute route;
  bool operator==(const RouteAdded&) const = default;
};
struct RouteGone {
  KernelRoute route;
  bool operator==(const RouteGone&) const = default;
};
// Of the same destination; it has the place of the one before among its likes.
struct RouteReplaced {
  KernelRoute before;
  KernelRoute after;
  bool operator==(const RouteReplaced&) const = default;
};

// failed: the kernel asked and nobody answered. incomplete: it is asking.
enum class Reachability : std::uint8_t { incomplete, reachable, stale, failed };
struct Neighbour {
  int link = 0;
  Address address;
  Mac mac{};  // when reachable or stale
  Reachability state = Reachability::incomplete;
  bool operator==(const Neighbour&) const = default;
};
struct NeighbourGone {
  int link = 0;
  Address address;
  bool operator==(const NeighbourGone&) const = default;
};

// A policy rule: which table routes the packets that it selects. Of a tunnel's outer packets
// selectors by mark and destination are followed (policy_rules.h).
struct PolicyRule {
  enum class Action : std::uint8_t {
    lookup,
    blackhole,
    unreachable,
    prohibit,
    none,           // `nop`: the next rule decides
    not_supported,  // `goto`
  };
  abi::Family family = abi::Family::ipv4;
  std::uint32_t priority = 0;  // lower ones first; of equal ones the older first
  bool inverted = false;       // `not`: all packets but those that are selected
  bool supported = true;       // it has no selector but mark and destination
  std::uint32_t mark = 0;
  std::uint32_t mask = 0;  // 0: whatever the mark is
  Prefix to;               // length 0: all
  Action action = Action::lookup;
  std::uint32_t table = kMainTable;
  int suppress = -1;  // a route whose prefix is no longer counts as none; -1: each counts
  std::string text;   // all of it, in the words of `ip rule`
  auto operator<=>(const PolicyRule&) const = default;
};
struct PolicyRuleGone {
  PolicyRule rule;
  bool operator==(const PolicyRuleGone&) const = default;
};

// All routes of a table other than main have been told of; it is followed from now on.
struct TableKnown {
  abi::Family family = abi::Family::ipv4;
  std::uint32_t table = 0;
  bool operator==(const TableKnown&) const = default;
};
// It is followed no more; its routes have been told to be gone.
struct TableGone {
  abi::Family family = abi::Family::ipv4;
  std::uint32_t table = 0;
  bool operator==(const TableGone&) const = default;
};

// A full dump has been taken in: what is known now is what the kernel has.
struct Synchronised {
  bool operator==(const Synchronised&) const = default;
};

using Change = std::variant<Link, LinkGone, LocalAddress, LocalAddressGone, RouteAdded, RouteGone,
                            RouteReplaced, Neighbour, NeighbourGone, PolicyRule, PolicyRuleGone,
                            TableKnown, TableGone, Synchronised>;

}  // namespace gotthard::route
