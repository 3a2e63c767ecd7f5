#include "control/route/kernel_target.h"

#include <algorithm>

#include "control/config/route_protocol.h"

namespace gotthard::route {

Target::Kind kind_of(const KernelRoute& route) {
  switch (route.type) {
    case RouteType::blackhole:
      return route.protocol == kRouteProtocol ? Target::Kind::guard : Target::Kind::blackhole;
    case RouteType::unreachable:
      return Target::Kind::unreachable;
    case RouteType::prohibit:
      return Target::Kind::prohibit;
    case RouteType::none:
      return Target::Kind::no_route;
    case RouteType::not_followed:
      return Target::Kind::not_followed;
    case RouteType::local:
      return Target::Kind::local;
    case RouteType::unicast:
      break;
  }
  return Target::Kind::forward;
}

Target admitted(Target target, const Admits& admits) {
  if (target.kind == Target::Kind::forward) {
    std::erase_if(target.ways, [&](const Way& way) { return !admits(way); });
    if (target.ways.empty()) {
      return {};
    }
  } else if (target.kind == Target::Kind::guard) {
    return {};
  }
  return target;
}

// Routes through links that are not ours come last: the host's own default route must not hide
// ours.
KernelRank rank_of(const KernelRoute& route, const Target& target, std::uint32_t order) {
  const bool foreign = route.type == RouteType::unicast && target.kind == Target::Kind::blackhole;
  return {foreign, route.metric, order};
}

bool is_for_all(const KernelRoute& route) { return route.tos == 0 && route.from.length == 0; }

bool refuses(const KernelRoute& route) {
  return route.type == RouteType::blackhole || route.type == RouteType::unreachable ||
         route.type == RouteType::prohibit;
}

}  // namespace gotthard::route
