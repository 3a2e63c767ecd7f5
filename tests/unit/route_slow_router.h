// A router that looks everything up the slow way: what the FIB builder's commands amount to in the
// data plane must be what it says.
#pragma once

#include <algorithm>
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

// Links 1 and 2 are ports 0 and 1, links 11 and 12 tunnels 0 and 1, all others the host's.
struct SlowRouter {
  std::vector<config::Route> fixed;
  std::vector<KernelRoute> kernel;  // in the order they came
  std::map<std::pair<std::uint16_t, Prefix>, std::uint32_t> allowed;
  std::set<std::pair<std::uint16_t, Prefix>> plain;
  std::set<std::pair<std::uint16_t, Address>> neighbours;  // usable
  std::map<Address, std::uint16_t> local;
  std::map<int, std::uint16_t> mtu;
  std::map<std::string, int> link;  // of our devices

  struct Way {
    enum { none, blackhole, guard, tunnel, glean, gateway } kind = none;
    std::uint16_t device = 0;
    std::uint16_t mtu = 0;
    Address gateway_address;
  };

  [[nodiscard]] Way by_link(int index, const std::optional<Address>& via) const {
    Way way;
    const auto name = std::ranges::find_if(link, [&](const auto& e) { return e.second == index; });
    if (name == link.end()) {
      way.kind = Way::blackhole;
      return way;
    }
    const bool tunnel = name->first.starts_with("wg");
    way.device = static_cast<std::uint16_t>(name->first.back() - '0');
    way.mtu = mtu.at(index);
    way.kind = tunnel ? Way::tunnel : via ? Way::gateway : Way::glean;
    if (via && !tunnel) {
      way.gateway_address = *via;
    }
    return way;
  }

  // The longest prefix first; `skip` is the one whose gateway is being looked for.
  [[nodiscard]] Way way(const Address& address, bool underlay, int depth,
                        const std::optional<Prefix>& skip = std::nullopt) const {
    for (int length = full_length(address.family); length >= 0; --length) {
      const Prefix prefix{
          to_address(address.family, to_bits(address) & mask(static_cast<unsigned>(length))),
          static_cast<std::uint8_t>(length)};
      if (prefix == skip) {
        continue;
      }
      Way here = at(prefix, underlay, depth);
      if (here.kind == Way::guard) {
        // Yields if the next shorter route is one into a tunnel.
        Way shorter = shorter_than(prefix, address, depth, skip);
        if (shorter.kind == Way::tunnel) {
          return shorter;
        }
        here.kind = Way::blackhole;
      }
      if (here.kind != Way::none) {
        return here;
      }
    }
    return {};
  }

  [[nodiscard]] Way shorter_than(const Prefix& prefix, const Address& address, int depth,
                                 const std::optional<Prefix>& skip) const {
    for (int length = prefix.length - 1; length >= 0; --length) {
      const Prefix candidate{
          to_address(address.family, to_bits(address) & mask(static_cast<unsigned>(length))),
          static_cast<std::uint8_t>(length)};
      if (candidate == skip) {
        continue;
      }
      const Way found = at(candidate, false, depth);
      if (found.kind != Way::none && found.kind != Way::guard) {
        return found;
      }
    }
    return {};
  }

  [[nodiscard]] Way at(const Prefix& prefix, bool underlay, int depth) const {
    for (const auto& route : fixed) {
      if (route.destination != prefix) {
        continue;
      }
      Way found;
      if (!route.interface.empty()) {
        const auto index = link.find(route.interface);
        found = by_link(index->second, route.via);
      } else {
        found.kind = Way::blackhole;
        if (depth < 4) {
          const Way via = way(*route.via, underlay, depth + 1, prefix);
          if (via.kind == Way::glean || via.kind == Way::gateway || via.kind == Way::tunnel) {
            found = via;
          }
          if (via.kind == Way::glean) {
            found.kind = Way::gateway;
            found.gateway_address = *route.via;
          }
        }
      }
      if (!(underlay && found.kind == Way::tunnel)) {
        return found;
      }
    }
    std::vector<std::tuple<bool, std::uint32_t, std::size_t>> order;
    for (std::size_t i = 0; i < kernel.size(); ++i) {
      if (kernel[i].destination == prefix) {
        const bool foreign = kernel[i].type == RouteType::unicast &&
                             by_link(kernel[i].link, {}).kind == Way::blackhole;
        order.emplace_back(foreign, kernel[i].metric, i);
      }
    }
    std::ranges::sort(order);
    for (const auto& [foreign, metric, i] : order) {
      const KernelRoute& route = kernel[i];
      Way found;
      if (route.type == RouteType::unicast) {
        found = by_link(route.link, route.gateway.family == Family::none
                                        ? std::optional<Address>()
                                        : std::optional(route.gateway));
      } else {
        found.kind = route.type == RouteType::blackhole && route.protocol == kRouteProtocol
                         ? Way::guard
                         : Way::blackhole;
      }
      if (!(underlay && (found.kind == Way::tunnel || found.kind == Way::guard))) {
        return found;
      }
    }
    return {};
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

  [[nodiscard]] Verdict lookup(const Address& address) const {
    Verdict verdict;
    if (const auto own = local.find(address); own != local.end()) {
      verdict.kind = static_cast<int>(abi::HopKind::local);
      verdict.port = own->second;
      verdict.interface = own->second >= abi::kTunnelOwner
                              ? static_cast<std::uint16_t>(own->second - abi::kTunnelOwner)
                              : std::uint16_t{0};
      return verdict;
    }
    const Way found = way(address, false, 0);
    switch (found.kind) {
      case Way::none:
        return verdict;
      case Way::blackhole:
      case Way::guard:
        verdict.kind = static_cast<int>(abi::HopKind::blackhole);
        return verdict;
      case Way::tunnel:
        verdict.kind = static_cast<int>(abi::HopKind::tunnel);
        verdict.interface = found.device;
        verdict.mtu = found.mtu;
        verdict.peer = owner(found.device, address).value_or(abi::kNoPeer);
        return verdict;
      case Way::glean:
      case Way::gateway:
        break;
    }
    verdict.port = found.device;
    verdict.mtu = found.mtu;
    verdict.allow_plain = std::ranges::any_of(plain, [&](const auto& entry) {
      return entry.first == found.device && covers(entry.second, address);
    });
    const bool known = neighbours.contains({found.device, address});
    if (found.kind == Way::glean && !known) {
      verdict.kind = static_cast<int>(abi::HopKind::glean);
    } else {
      verdict.kind = static_cast<int>(abi::HopKind::neighbour);
      verdict.neighbour = found.kind == Way::gateway ? found.gateway_address : address;
    }
    return verdict;
  }
};

}  // namespace gotthard::route::test
