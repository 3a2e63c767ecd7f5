// A router that looks everything up the slow way: what the FIB builder's commands amount to in the
// data plane must be what it says.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "control/config/config.h"
#include "control/config/route_protocol.h"
#include "control/route/address.h"
#include "control/route/changes.h"
#include "tests/unit/route_verdict.h"

namespace gotthard::route::test {

// Links 1 and 2 are ports 0 and 1, link 3 is a VLAN of port 0, links 11 and 12 are tunnels 0 and 1,
// all others the host's.
struct SlowRouter {
  std::vector<config::Route> fixed;
  std::vector<KernelRoute> kernel;  // in the order they came
  std::map<std::pair<std::uint16_t, Prefix>, std::uint32_t> allowed;
  std::set<std::pair<std::uint16_t, Prefix>> plain;
  std::set<std::pair<std::uint16_t, Address>> neighbours;  // usable
  std::map<Address, std::uint16_t> local;
  std::map<int, std::uint16_t> mtu;
  std::map<std::string, int> link;  // of our devices

  static constexpr std::uint16_t kVlan = 7;
  static std::uint16_t number_of(const std::string& name) {
    return name == "p2" ? abi::link_of(0, kVlan) : static_cast<std::uint16_t>(name.back() - '0');
  }

  struct Way {
    bool tunnel = false;
    std::uint16_t device = 0;
    std::uint16_t mtu = 0;
    Address gateway;  // of a port; none: on-link
    unsigned weight = 1;
  };
  struct Found {
    // guard: of the supervisor; skipped: by this only what may not be taken is reached.
    enum { none, ending, guard, forward, skipped } kind = none;
    abi::HopKind end = abi::HopKind::blackhole;
    std::vector<Way> ways;
    [[nodiscard]] bool into_tunnel() const {
      return kind == forward && std::ranges::all_of(ways, &Way::tunnel);
    }
  };
  using Admits = std::function<bool(const Way&)>;
  static bool everything(const Way&) { return true; }

  [[nodiscard]] std::optional<Way> by_link(int index, const std::optional<Address>& via) const {
    const auto name = std::ranges::find_if(link, [&](const auto& e) { return e.second == index; });
    if (name == link.end()) {
      return std::nullopt;
    }
    Way way;
    way.tunnel = name->first.starts_with("wg");
    way.device = number_of(name->first);
    way.mtu = mtu.at(index);
    way.gateway = way.tunnel ? Address{} : via.value_or(Address{});
    return way;
  }

  static Prefix prefix_of(const Address& address, int length) {
    return {to_address(address.family, to_bits(address) & mask(static_cast<unsigned>(length))),
            static_cast<std::uint8_t>(length)};
  }

  // The longest prefix first; `skip` is the one whose gateway is being looked for.
  [[nodiscard]] Found find(const PacketHead& head, const Admits* admits, int depth,
                           const std::optional<Prefix>& skip = std::nullopt,
                           int below = 129) const {
    for (int length = std::min<int>(full_length(head.to.family), below - 1); length >= 0;
         --length) {
      const Prefix prefix = prefix_of(head.to, length);
      if (prefix == skip) {
        continue;
      }
      Found here = at(prefix, head, admits, depth);
      if (here.kind == Found::guard) {
        if (default_below(prefix, head, depth, skip).into_tunnel()) {
          continue;
        }
        here.kind = Found::ending;
      }
      if (here.kind != Found::none && here.kind != Found::skipped) {
        return here;
      }
    }
    return {};
  }

  // The next shorter route for all packets.
  [[nodiscard]] Found default_below(const Prefix& prefix, const PacketHead& head, int depth,
                                    const std::optional<Prefix>& skip) const {
    for (int length = prefix.length - 1; length >= 0; --length) {
      const Prefix candidate = prefix_of(head.to, length);
      if (candidate == skip) {
        continue;
      }
      const Found found = at(candidate, {.to = head.to, .dscp = 0, .from = {}}, nullptr, depth);
      if (found.kind != Found::none && found.kind != Found::guard) {
        return found;
      }
    }
    return {};
  }

  [[nodiscard]] Found at(const Prefix& prefix, const PacketHead& head, const Admits* admits,
                         int depth) const {
    bool any_fixed = false;
    for (const auto& route : fixed) {
      if (route.destination == prefix) {
        any_fixed = true;
        const Found found = admitted(by_file(route, admits, depth, prefix), admits);
        if (found.kind != Found::none && found.kind != Found::skipped) {
          return found;
        }
      }
    }
    // Special ones first, by the longest source; then by metric and age.
    std::vector<std::tuple<bool, int, bool, std::uint32_t, std::size_t>> order;
    for (std::size_t i = 0; i < kernel.size(); ++i) {
      const KernelRoute& route = kernel[i];
      const bool special = route.tos != 0 || route.from.length != 0;
      const bool fits =
          !special || (!any_fixed && (route.tos == 0 || route.tos >> 2 == head.dscp) &&
                       (route.from.length == 0 || covers(route.from, head.from)));
      if (route.destination == prefix && fits && !(special && admits != nullptr)) {
        const bool foreign = route.type == RouteType::unicast && ways_of(route).empty();
        order.emplace_back(!special, -int{route.from.length}, foreign, route.metric, i);
      }
    }
    std::ranges::sort(order);
    for (const auto& entry : order) {
      const Found found = admitted(by_kernel(kernel[std::get<4>(entry)]), admits);
      if (found.kind != Found::none && found.kind != Found::skipped) {
        return found;
      }
    }
    return {};
  }

  [[nodiscard]] static Found admitted(Found found, const Admits* admits) {
    if (admits == nullptr) {
      return found;
    }
    if (found.kind == Found::guard) {
      return {};
    }
    if (found.kind == Found::forward) {
      std::erase_if(found.ways, [&](const Way& way) { return !(*admits)(way); });
      found.kind = found.ways.empty() ? Found::skipped : Found::forward;
    }
    return found;
  }

  [[nodiscard]] Found by_file(const config::Route& route, const Admits* admits, int depth,
                              const Prefix& prefix) const {
    if (!route.interface.empty()) {
      return {.kind = Found::forward, .ways = {*by_link(link.at(route.interface), route.via)}};
    }
    if (depth >= 4) {
      return {.kind = Found::ending};
    }
    Found via = find({.to = *route.via, .dscp = 0, .from = {}}, admits, depth + 1, prefix);
    if (via.kind != Found::forward) {
      const bool kept_out =
          admits != nullptr &&
          find({.to = *route.via, .dscp = 0, .from = {}}, nullptr, depth + 1, prefix).kind ==
              Found::forward;
      return {.kind = kept_out ? Found::skipped : Found::ending};
    }
    for (Way& way : via.ways) {
      if (!way.tunnel && way.gateway.family == Family::none) {
        way.gateway = *route.via;
      }
    }
    return via;
  }

  [[nodiscard]] std::vector<Way> ways_of(const KernelRoute& route) const {
    std::vector<Way> ways;
    for (const RouteHop& hop : route.hops) {
      if (auto way =
              by_link(hop.link, hop.gateway.family == Family::none ? std::optional<Address>()
                                                                   : std::optional(hop.gateway))) {
        way->weight = hop.weight;
        ways.push_back(*way);
      }
    }
    return ways;
  }

  [[nodiscard]] Found by_kernel(const KernelRoute& route) const {
    switch (route.type) {
      case RouteType::unicast: {
        const auto ways = ways_of(route);
        return {.kind = ways.empty() ? Found::ending : Found::forward, .ways = ways};
      }
      case RouteType::blackhole:
        return {.kind = route.protocol == kRouteProtocol ? Found::guard : Found::ending};
      case RouteType::unreachable:
        return {.kind = Found::ending, .end = abi::HopKind::unreachable};
      case RouteType::prohibit:
        return {.kind = Found::ending, .end = abi::HopKind::prohibit};
      case RouteType::none:
        return {.kind = Found::ending, .end = abi::HopKind::no_route};
      default:
        return {.kind = Found::ending, .end = abi::HopKind::not_followed};
    }
  }

  [[nodiscard]] std::optional<std::uint32_t> owner(std::uint16_t interface,
                                                   const Address& address) const {
    std::optional<std::uint32_t> result;
    int length = -1;
    for (const auto& [key, peer] : allowed) {
      if (key.first == interface && covers(key.second, address) && key.second.length > length) {
        length = key.second.length;
        result = peer;
      }
    }
    return result;
  }

  [[nodiscard]] OwnerMap owners(const Address& address) const {
    OwnerMap result;
    for (std::uint16_t interface = 0; interface < 2; ++interface) {
      if (const auto peer = owner(interface, address)) {
        result.emplace(interface, *peer);
      }
    }
    return result;
  }

  [[nodiscard]] Verdict by_way(const Way& way, const Address& address) const {
    Verdict verdict;
    verdict.weight = way.weight;
    verdict.mtu = way.mtu;
    if (way.tunnel) {
      verdict.kind = static_cast<int>(abi::HopKind::tunnel);
      verdict.interface = way.device;
      verdict.peer = owner(way.device, address).value_or(abi::kNoPeer);
      return verdict;
    }
    verdict.port = way.device;
    verdict.allow_plain = std::ranges::any_of(plain, [&](const auto& entry) {
      return entry.first == abi::port_of(way.device) && covers(entry.second, address);
    });
    const bool on_link = way.gateway.family == Family::none;
    if (on_link && !neighbours.contains({way.device, address})) {
      verdict.kind = static_cast<int>(abi::HopKind::glean);
    } else {
      verdict.kind = static_cast<int>(abi::HopKind::neighbour);
      verdict.neighbour = on_link ? address : way.gateway;
    }
    return verdict;
  }

  [[nodiscard]] Verdict lookup(const PacketHead& head) const {
    Verdict verdict;
    if (const auto own = local.find(head.to); own != local.end()) {
      verdict.kind = static_cast<int>(abi::HopKind::local);
      verdict.port = own->second;
      verdict.interface = own->second >= abi::kTunnelOwner
                              ? static_cast<std::uint16_t>(own->second - abi::kTunnelOwner)
                              : std::uint16_t{0};
      return verdict;
    }
    const Found found = find(head, nullptr, 0);
    if (found.kind == Found::forward) {
      std::vector<Verdict> ways;
      for (const Way& way : found.ways) {
        ways.push_back(by_way(way, head.to));
      }
      return shared(ways);
    }
    verdict.kind = found.kind == Found::none ? 0 : static_cast<int>(found.end);
    return verdict;
  }
};

}  // namespace gotthard::route::test
