#include "control/route/kernel_state.h"

namespace gotthard::route {
namespace {

// Below all routes of the same destination, metric and TOS: these are a KernelRoute's first fields.
KernelRoute lowest_alike(const KernelRoute& route) {
  KernelRoute key;
  key.destination = route.destination;
  key.metric = route.metric;
  key.tos = route.tos;
  return key;
}

bool alike(const KernelRoute& a, const KernelRoute& b) {
  return a.destination == b.destination && a.metric == b.metric && a.tos == b.tos;
}

}  // namespace

void KernelState::set(const Link& link) {
  auto& entry = links_[link.index];
  entry.generation = generation(DumpKind::links);
  if (entry.value != link) {
    entry.value = link;
    changes_(link);
  }
}

void KernelState::remove(const LinkGone& gone) {
  if (links_.erase(gone.index) > 0) {
    changes_(gone);
  }
}

void KernelState::set(const LocalAddress& address) {
  auto [at, is_new] =
      addresses_.try_emplace({address.link, address.address, address.prefix_length});
  at->second.generation = generation(DumpKind::addresses);
  if (is_new || at->second.value != address) {
    at->second.value = address;
    changes_(address);
  }
}

void KernelState::remove(const LocalAddressGone& gone) {
  if (addresses_.erase({gone.link, gone.address, gone.prefix_length}) > 0) {
    changes_(gone);
  }
}

void KernelState::set(const Neighbour& neighbour) {
  auto [at, is_new] = neighbours_.try_emplace({neighbour.link, neighbour.address});
  at->second.generation = generation(DumpKind::neighbours);
  if (is_new || at->second.value != neighbour) {
    at->second.value = neighbour;
    changes_(neighbour);
  }
}

void KernelState::remove(const NeighbourGone& gone) {
  if (neighbours_.erase({gone.link, gone.address}) > 0) {
    changes_(gone);
  }
}

void KernelState::set(const PolicyRule& rule) {
  auto [at, is_new] = rules_.try_emplace(rule, Stamped<PolicyRule>{.value = rule});
  at->second.generation = generation(DumpKind::rules);
  if (is_new) {
    changes_(rule);
  }
}

void KernelState::remove(const PolicyRuleGone& gone) {
  if (rules_.erase(gone.rule) > 0) {
    changes_(gone);
  }
}

void KernelState::stamp(const KernelRoute& route, bool multipath) {
  const DumpKind kind =
      route.destination.address.family == abi::Family::ipv4 ? DumpKind::routes4 : DumpKind::routes6;
  const auto [at, is_new] =
      routes_.insert_or_assign(route, RouteState{generation(kind), multipath});
  if (is_new) {
    changes_(RouteAdded{route});
  }
}

int KernelState::count_alike(const KernelRoute& route) const {
  int count = 0;
  for (auto at = routes_.lower_bound(lowest_alike(route));
       at != routes_.end() && alike(at->first, route); ++at) {
    ++count;
  }
  return count;
}

bool KernelState::add(const KernelRoute& route, bool multipath) {
  const bool known = routes_.contains(route);
  const bool certain = known || !multipath || count_alike(route) == 0;
  stamp(route, multipath);
  return certain;
}

bool KernelState::replace(const KernelRoute& route, bool multipath) {
  if (count_alike(route) != 1) {
    stamp(route, multipath);
    return false;
  }
  const KernelRoute old = routes_.lower_bound(lowest_alike(route))->first;
  stamp(route, multipath);
  if (old != route) {
    routes_.erase(old);
    changes_(RouteGone{old});
  }
  return true;
}

bool KernelState::remove(const KernelRoute& route, bool multipath) {
  const auto at = routes_.find(route);
  // One hop of several: the others stay, and which is first now is not said.
  if (at == routes_.end() || (at->second.multipath && !multipath)) {
    return false;
  }
  routes_.erase(at);
  changes_(RouteGone{route});
  return true;
}

bool KernelState::link_is_up(int index) const {
  const auto at = links_.find(index);
  return at != links_.end() && at->second.value.up;
}

void KernelState::sweep_routes(abi::Family family, std::uint32_t generation) {
  for (auto at = routes_.begin(); at != routes_.end();) {
    if (at->first.destination.address.family == family && at->second.generation != generation) {
      const KernelRoute gone = at->first;
      at = routes_.erase(at);
      changes_(RouteGone{gone});
    } else {
      ++at;
    }
  }
}

void KernelState::end_dump(DumpKind kind) {
  const std::uint32_t current = generation(kind);
  const auto sweep = [&](auto& map, auto to_change) {
    for (auto at = map.begin(); at != map.end();) {
      if (at->second.generation == current) {
        ++at;
        continue;
      }
      const Change change = to_change(at->second.value);
      at = map.erase(at);
      changes_(change);
    }
  };
  switch (kind) {
    case DumpKind::links:
      return sweep(links_, [](const Link& v) { return LinkGone{v.index}; });
    case DumpKind::addresses:
      return sweep(addresses_, [](const LocalAddress& v) {
        return LocalAddressGone{v.link, v.address, v.prefix_length};
      });
    case DumpKind::routes4:
      return sweep_routes(abi::Family::ipv4, current);
    case DumpKind::routes6:
      return sweep_routes(abi::Family::ipv6, current);
    case DumpKind::neighbours:
      return sweep(neighbours_, [](const Neighbour& v) {
        return NeighbourGone{v.link, v.address};
      });
    case DumpKind::rules:
      return sweep(rules_, [](const PolicyRule& v) { return PolicyRuleGone{v}; });
    case DumpKind::count:
      return;
  }
}

}  // namespace gotthard::route
