#include <string>

#include "control/gateway.h"
#include "control/operator.h"
#include "control/route/neighbours.h"
#include "control/route/next_hops.h"
#include "control/route/route_words.h"
#include "control/route/underlay.h"

namespace gotthard::control {
namespace {

using mgmt::json;

std::string_view kind_of(abi::HopKind kind) {
  switch (kind) {
    case abi::HopKind::blackhole:
      return "blackhole";
    case abi::HopKind::local:
      return "local";
    case abi::HopKind::glean:
      return "on_link";
    case abi::HopKind::neighbour:
      return "via";
    case abi::HopKind::tunnel:
      return "tunnel";
    case abi::HopKind::policy:
      return "policy";
    case abi::HopKind::group:
      return "shared";
    case abi::HopKind::choice:
      return "choice";
    case abi::HopKind::unreachable:
      return "unreachable";
    case abi::HopKind::prohibit:
      return "prohibit";
    case abi::HopKind::no_route:
      return "throw";
    case abi::HopKind::not_followed:
      return "not_followed";
  }
  return "unknown";
}

std::string tunnel_name(const Gateway& gateway, std::uint16_t interface) {
  const auto& tunnels = gateway.tunnels().tunnels();
  if (interface < tunnels.size()) {
    return tunnels[interface].settings.name;
  }
  const std::size_t ipsec = interface - tunnels.size();
  return ipsec < gateway.config().ipsec.size() ? gateway.config().ipsec[ipsec].name
                                               : fmt::format("interface {}", interface);
}

// Where the route leads out, or who has the address.
json device_of(const Gateway& gateway, const route::Hop& hop) {
  switch (hop.kind) {
    case abi::HopKind::local:
      return hop.port >= abi::kTunnelOwner
                 ? tunnel_name(gateway, static_cast<std::uint16_t>(hop.port - abi::kTunnelOwner))
                 : gateway.fib().port_name(hop.port);
    case abi::HopKind::tunnel:
    case abi::HopKind::policy:
      return tunnel_name(gateway, hop.interface);
    case abi::HopKind::glean:
    case abi::HopKind::neighbour:
      return gateway.fib().port_name(hop.port);
    default:
      return nullptr;
  }
}

json show_hop(const Gateway& gateway, const route::Hop& hop);

// The ways of a group with their weights, or the choices with what they are for.
json ways_of(const Gateway& gateway, const route::Hop& hop) {
  json ways = json::array();
  for (const route::HopMember& member : hop.members) {
    json& way = ways.emplace_back(show_hop(gateway, member.hop));
    if (hop.kind == abi::HopKind::group) {
      way["weight"] = member.weight;
      way["alive"] = gateway.fib().alive(member.hop);
    } else if (hop.field == abi::HopField::dscp) {
      way["tos"] = member.dscp << 2;
    } else {
      way["from"] = config::to_string(member.source);
    }
  }
  for (const route::Hop& otherwise : hop.otherwise) {
    ways.push_back(show_hop(gateway, otherwise));
  }
  return ways;
}

json show_hop(const Gateway& gateway, const route::Hop& hop) {
  json result{{"kind", kind_of(hop.kind)},
              {"device", device_of(gateway, hop)},
              {"via", nullptr},
              {"peer", nullptr},
              {"mtu", hop.mtu},
              {"allow_plain", hop.allow_plain}};
  if (hop.kind == abi::HopKind::neighbour) {
    result["via"] = config::to_string(hop.neighbour);
  }
  if (const auto peer = gateway.tunnels().peers().find(hop.peer);
      hop.kind == abi::HopKind::tunnel && peer != gateway.tunnels().peers().end()) {
    result["peer"] = peer->second.settings.name;
  }
  if (!hop.members.empty()) {
    result["ways"] = ways_of(gateway, hop);
  }
  return result;
}

json not_followed(const Gateway& gateway) {
  json routes = json::array();
  for (const route::KernelRoute& route : gateway.fib().routes_not_followed()) {
    routes.push_back(
        {{"route", route::to_string(route)}, {"reason", route::reason(route.obstacle)}});
  }
  return routes;
}

}  // namespace

mgmt::Answer show_routes(const Gateway& gateway) {
  json routes = json::array();
  gateway.fib().for_each_route([&](const route::Prefix& prefix, const route::Hop& hop) {
    json& shown = routes.emplace_back(show_hop(gateway, hop));
    shown["destination"] = config::to_string(prefix);
  });
  json rules = json::array();
  for (const auto& [rule, reason] : gateway.fib().rules_not_followed()) {
    rules.push_back({{"family", rule.family == abi::Family::ipv4 ? "ipv4" : "ipv6"},
                     {"priority", rule.priority},
                     {"rule", rule.text},
                     {"reason", reason}});
  }
  return json{{"routes", std::move(routes)},
              {"routes_not_followed", not_followed(gateway)},
              {"rules_not_followed", std::move(rules)}};
}

mgmt::Answer show_neighbours(const Gateway& gateway) {
  json neighbours = json::array();
  gateway.fib().for_each_neighbour([&](const route::NeighbourInUse& neighbour) {
    const auto& mac = neighbour.mac;
    neighbours.push_back(
        {{"address", config::to_string(neighbour.address)},
         {"port", gateway.fib().port_name(neighbour.port)},
         {"mac", neighbour.reachable ? json(fmt::format("{:02x}", fmt::join(mac, ":"))) : json()},
         {"state", neighbour.reachable ? "reachable" : "unresolved"}});
  });
  return json{{"neighbours", std::move(neighbours)}};
}

}  // namespace gotthard::control
