#include "control/route/route_words.h"

#include <fmt/format.h>

namespace gotthard::route {

std::string to_string(const KernelRoute& route) {
  std::string text = config::to_string(route.destination);
  if (route.tos != 0) {
    text += fmt::format(" tos {:#x}", route.tos);
  }
  if (route.from.length != 0) {
    text += " from " + config::to_string(route.from);
  }
  if (route.next_hop != 0) {
    text += fmt::format(" nhid {}", route.next_hop);
  }
  for (const RouteHop& hop : route.hops) {
    text += route.hops.size() > 1 ? " nexthop" : "";
    if (hop.gateway.family != abi::Family::none) {
      text += " via " + config::to_string(hop.gateway);
    }
  }
  text += route.table != kMainTable ? fmt::format(" table {}", route.table) : "";
  return text + (route.metric != 0 ? fmt::format(" metric {}", route.metric) : "");
}

std::string_view reason(Obstacle obstacle) {
  switch (obstacle) {
    case Obstacle::encapsulation:
      return "it encapsulates (encap)";
    case Obstacle::hops:
      return "it has more next hops than a group holds";
    case Obstacle::type:
      return "it is of a type that the data plane has not";
    case Obstacle::none:
      break;
  }
  return "";
}

}  // namespace gotthard::route
