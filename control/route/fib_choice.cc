// Which of a prefix's routes counts, and where it leads.
#include <algorithm>

#include "control/route/fib_table.h"

namespace gotthard::route {
namespace {

constexpr int kMaxRecursion = 4;

Target blackhole() {
  Target target;
  target.kind = Target::Kind::blackhole;
  return target;
}

}  // namespace

// The gateway of a [[route]] may lie behind another route. What leads nowhere is a blackhole: the
// packets must not take a shorter route instead.
Target FibTable::resolve_gateway(const PrefixKey& own, Family family, const Address& via,
                                 bool underlay, int depth) {
  if (depth >= kMaxRecursion) {
    return blackhole();
  }
  const Family via_family = via.family;
  Target found;
  trie(via_family)
      .for_each_covering(to_key(host_prefix(via)), [&](const PrefixKey& key, const Cell& cell) {
        if (via_family == family && key == own) {
          return;  // a route does not lead to its own gateway
        }
        const Target target = best(key, via_family, cell, underlay, depth + 1);
        if (target.kind != Target::Kind::none &&
            !(target.kind == Target::Kind::guard && found.kind == Target::Kind::tunnel)) {
          found = target;
        }
      });
  switch (found.kind) {
    case Target::Kind::glean:
      found.kind = Target::Kind::gateway;
      found.gateway = via;
      return found;
    case Target::Kind::gateway:
    case Target::Kind::tunnel:
      return found;
    default:
      return blackhole();
  }
}

Target FibTable::resolve(const PrefixKey& own, Family family, const Candidate& candidate,
                         bool underlay, int depth) {
  Target target;
  if (candidate.fixed >= 0) {
    const StaticRoute& route = static_routes_[static_cast<std::size_t>(candidate.fixed)];
    target.device = devices_->by_name(route.interface);
    if (target.device.kind == DeviceKind::none) {
      return route.via ? resolve_gateway(own, family, *route.via, underlay, depth) : blackhole();
    }
    target.gateway = route.via.value_or(Address{});
  } else {
    const KernelRoute& route = candidate.kernel;
    if (route.type == RouteType::blackhole || route.type == RouteType::unreachable) {
      target.kind = route.type == RouteType::blackhole && route.protocol == kRouteProtocol
                        ? Target::Kind::guard
                        : Target::Kind::blackhole;
      return target;
    }
    target.device = devices_->by_link(route.link);
    target.gateway = route.gateway;
    target.source = route.source;
    target.mtu = static_cast<std::uint16_t>(std::min<std::uint32_t>(route.mtu, 0xffff));
    if (target.device.kind == DeviceKind::none) {
      return blackhole();
    }
    if (route.type == RouteType::local) {
      target.kind = Target::Kind::local;
      return target;
    }
  }
  const std::uint16_t mtu = devices_->mtu(target.device);
  target.mtu = target.mtu == 0 ? mtu : std::min(target.mtu, mtu);
  if (target.device.kind == DeviceKind::tunnel) {
    target.kind = Target::Kind::tunnel;
    target.gateway = Address{};
  } else {
    target.kind =
        target.gateway.family == Family::none ? Target::Kind::glean : Target::Kind::gateway;
  }
  return target;
}

// [[route]]s in the order of the file, then kernel routes through our interfaces by metric, then
// the others: they never forward, and the host's own default route must not hide ours.
Target FibTable::best(const PrefixKey& key, Family family, const Cell& cell, bool underlay,
                      int depth) {
  Target chosen;
  std::tuple<bool, bool, std::uint32_t, std::uint32_t> chosen_rank;
  for (const Candidate& candidate : cell.routes) {
    const Target target = resolve(key, family, candidate, underlay, depth);
    if (underlay && (target.kind == Target::Kind::tunnel || target.kind == Target::Kind::guard)) {
      continue;
    }
    const bool fixed = candidate.fixed >= 0;
    const bool foreign = !fixed && candidate.kernel.type == RouteType::unicast &&
                         target.kind == Target::Kind::blackhole;
    const std::tuple rank{!fixed, foreign, fixed ? 0 : candidate.kernel.metric,
                          fixed ? static_cast<std::uint32_t>(candidate.fixed) : candidate.order};
    if (chosen.kind == Target::Kind::none || rank < chosen_rank) {
      chosen = target;
      chosen_rank = rank;
    }
  }
  return chosen;
}

Target FibTable::underlay(const Address& address) {
  Target found;
  trie(address.family)
      .for_each_covering(to_key(host_prefix(address)), [&](const PrefixKey& key, const Cell& cell) {
        const Target target = best(key, address.family, cell, true, 0);
        if (target.kind != Target::Kind::none) {
          found = target;
        }
      });
  return found;
}

Target FibTable::lookup(const Address& address) {
  Context context = outermost();
  trie(address.family)
      .for_each_covering(to_key(host_prefix(address)),
                         [&](const PrefixKey&, const Cell& cell) { enter(&context, cell); });
  return context.route == nullptr ? Target{} : *context.route;
}

}  // namespace gotthard::route
