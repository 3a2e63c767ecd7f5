#include "control/route/kernel_state.h"

#include <algorithm>

#include "control/route/netlink_attributes.h"

namespace gotthard::route {
namespace {

// Below all routes of the same table, destination and metric: these are a KernelRoute's first
// fields.
KernelRoute lowest_alike(const KernelRoute& route) {
  KernelRoute key;
  key.table = route.table;
  key.destination = route.destination;
  key.metric = route.metric;
  return key;
}

// By a next-hop object: whatever that is at the time.
KernelRoute identity_of(const KernelRoute& route) {
  KernelRoute identity = route;
  if (identity.next_hop != 0) {
    identity.hops.clear();
    identity.type = RouteType::unicast;
    identity.obstacle = Obstacle::none;
  }
  return identity;
}

bool same_way(const RouteHop& a, const RouteHop& b) {
  return a.link == b.link && a.gateway == b.gateway;
}

bool leads(const KernelRoute& route, const RouteHop& hop) {
  return std::ranges::any_of(route.hops, [&](const RouteHop& own) { return same_way(own, hop); });
}

// IPv6 knows no route of several ways, only siblings of one way each: one may come or go alone.
bool has_siblings(const KernelRoute& route) {
  return route.destination.address.family == abi::Family::ipv6 && route.next_hop == 0 &&
         route.type == RouteType::unicast;
}

}  // namespace

void KernelState::set(const Link& link) {
  auto& entry = links_[link.index];
  entry.generation = generation_;
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
  at->second.generation = generation_;
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
  at->second.generation = generation_;
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

// ---------------------------------------------------------------- routes

// Adds the ways of an object or group to the route's. False: it is not known.
bool KernelState::resolve_object(std::uint32_t id, std::uint16_t weight, KernelRoute* route) const {
  const auto found = objects_.find(id);
  if (found == objects_.end() || !found->second.value.members.empty()) {
    return false;
  }
  const NextHopObject& object = found->second.value;
  if (object.type != RouteType::unicast) {
    route->type = object.type;
    route->obstacle = object.obstacle;
    return true;
  }
  route->hops.push_back({object.hop.link, object.hop.gateway, weight});
  return true;
}

KernelRoute KernelState::resolved(const KernelRoute& route) const {
  const auto found = objects_.find(route.next_hop);
  if (route.next_hop == 0 || found == objects_.end()) {
    return route;
  }
  KernelRoute result = identity_of(route);
  if (found->second.value.members.empty()) {
    (void)resolve_object(route.next_hop, 1, &result);
  }
  for (const NextHopMember& member : found->second.value.members) {
    (void)resolve_object(member.id, member.weight, &result);
  }
  if (!normalise(&result.hops)) {
    result.type = RouteType::not_followed;
    result.obstacle = Obstacle::hops;
  }
  if (result.type != RouteType::unicast) {
    result.hops.clear();
  } else if (result.hops.empty()) {  // of what is not known, or on its way out
    result.type = RouteType::blackhole;
  }
  return result;
}

void KernelState::stamp(const KernelRoute& route) {
  const KernelRoute identity = identity_of(route);
  const auto [at, is_new] = routes_.try_emplace(identity);
  at->second.generation = generation_;
  if (is_new) {
    at->second.route = resolved(route);
    if (route.next_hop != 0) {
      by_object_[route.next_hop].insert(identity);
    }
    changes_(RouteAdded{at->second.route});
  }
}

// In the place of another.
void KernelState::put(Routes::iterator before, const KernelRoute& route) {
  const Told old = before->second;
  if (old.route.next_hop != 0) {
    by_object_[old.route.next_hop].erase(before->first);
  }
  routes_.erase(before);
  const KernelRoute identity = identity_of(route);
  Told& told = routes_[identity];
  told.generation = generation_;
  told.route = resolved(route);
  if (route.next_hop != 0) {
    by_object_[route.next_hop].insert(identity);
  }
  if (told.route != old.route) {
    changes_(RouteReplaced{old.route, told.route});
  }
}

void KernelState::erase(Routes::iterator at) {
  const RouteGone gone{std::move(at->second.route)};
  if (gone.route.next_hop != 0) {
    by_object_[gone.route.next_hop].erase(at->first);
  }
  routes_.erase(at);
  changes_(gone);
}

KernelState::Alike KernelState::alike(const KernelRoute& route) {
  Alike result;
  for (auto at = routes_.lower_bound(lowest_alike(route));
       at != routes_.end() && at->first.table == route.table &&
       at->first.destination == route.destination && at->first.metric == route.metric;
       ++at) {
    if (at->first.tos == route.tos && at->first.from == route.from) {
      result.push_back(at);
    }
  }
  return result;
}

bool KernelState::add(const KernelRoute& route) {
  const bool known = routes_.contains(identity_of(route));
  if (known || !has_siblings(route) || route.hops.size() < 2) {
    stamp(route);
    return true;
  }
  const Alike others = alike(route);
  if (others.size() == 1 && has_siblings(others[0]->first) &&
      std::ranges::all_of(others[0]->first.hops,
                          [&](const RouteHop& hop) { return leads(route, hop); })) {
    put(others[0], route);
    return true;
  }
  stamp(route);
  return others.empty();
}

bool KernelState::replace(const KernelRoute& route) {
  const Alike others = alike(route);
  if (others.size() != 1) {
    stamp(route);
    return false;
  }
  put(others[0], route);
  return true;
}

bool KernelState::remove(const KernelRoute& route) {
  if (const auto at = routes_.find(identity_of(route)); at != routes_.end()) {
    erase(at);
    return true;
  }
  if (route.next_hop != 0 && !knows_object(route.next_hop)) {
    return true;  // it went with that
  }
  const Alike others = alike(route);
  if (others.size() != 1 || !has_siblings(route) || !has_siblings(others[0]->first) ||
      route.hops.size() != 1 || !leads(others[0]->first, route.hops[0])) {
    return false;
  }
  KernelRoute left = others[0]->first;
  std::erase_if(left.hops, [&](const RouteHop& hop) { return same_way(hop, route.hops[0]); });
  if (left.hops.empty()) {
    erase(others[0]);
  } else {
    put(others[0], left);
  }
  return true;
}

const Link* KernelState::link(int index) const {
  const auto at = links_.find(index);
  return at == links_.end() ? nullptr : &at->second.value;
}

template <typename Gone>
void KernelState::erase_routes(abi::Family family, std::uint32_t table, Gone gone) {
  KernelRoute lowest;
  lowest.table = table;
  for (auto at = routes_.lower_bound(lowest); at != routes_.end() && at->first.table == table;) {
    const auto next = std::next(at);
    if (at->first.destination.address.family == family && gone(at->second)) {
      erase(at);
    }
    at = next;
  }
}

void KernelState::forget(abi::Family family, std::uint32_t table) {
  erase_routes(family, table, [](const Told&) { return true; });
}

// ---------------------------------------------------------------- next-hop objects

void KernelState::set(const NextHopObject& object) {
  auto [at, is_new] = objects_.try_emplace(object.id);
  at->second.generation = generation_;
  if (!is_new && at->second.value == object) {
    return;
  }
  at->second.value = object;
  follow_object(object.id);
  for (const auto& [id, group] : objects_) {
    if (std::ranges::find(group.value.members, object.id, &NextHopMember::id) !=
        group.value.members.end()) {
      follow_object(id);
    }
  }
}

// Routes by it have another way now.
void KernelState::follow_object(std::uint32_t id) {
  const auto found = by_object_.find(id);
  if (found == by_object_.end()) {
    return;
  }
  for (const KernelRoute& identity : found->second) {
    Told& told = routes_.at(identity);
    KernelRoute now = resolved(identity);
    if (now != told.route) {
      const RouteReplaced replaced{std::exchange(told.route, now), std::move(now)};
      changes_(replaced);
    }
  }
}

// Its routes go with it; the kernel does not say so of each. Of groups that it was in it does.
void KernelState::remove(const NextHopObjectGone& gone) {
  objects_.erase(gone.id);
  const auto routes = by_object_.extract(gone.id);
  if (routes.empty()) {
    return;
  }
  for (const KernelRoute& identity : routes.mapped()) {
    const auto at = routes_.find(identity);
    const RouteGone route{std::move(at->second.route)};
    routes_.erase(at);
    changes_(route);
  }
}

void KernelState::end_dump(const Dump& dump) {
  const auto not_seen = [this](const auto& entry) { return entry.generation != generation_; };
  const auto sweep = [&](auto& map, auto to_change) {
    for (auto at = map.begin(); at != map.end();) {
      if (!not_seen(at->second)) {
        ++at;
        continue;
      }
      const Change change = to_change(*at);
      at = map.erase(at);
      changes_(change);
    }
  };
  switch (dump.kind) {
    case DumpKind::links:
      return sweep(links_, [](const auto& link) { return LinkGone{link.first}; });
    case DumpKind::addresses:
      return sweep(addresses_, [](const auto& address) {
        const AddressKey& key = address.first;
        return LocalAddressGone{key.link, key.address, key.prefix_length};
      });
    case DumpKind::next_hops:
      for (auto at = objects_.begin(); at != objects_.end();) {
        const auto next = std::next(at);
        if (not_seen(at->second)) {
          remove(NextHopObjectGone{at->first});
        }
        at = next;
      }
      return;
    case DumpKind::routes4:
      return erase_routes(abi::Family::ipv4, dump.table, not_seen);
    case DumpKind::routes6:
      return erase_routes(abi::Family::ipv6, dump.table, not_seen);
    case DumpKind::neighbours:
      return sweep(neighbours_, [](const auto& neighbour) {
        return NeighbourGone{neighbour.first.first, neighbour.first.second};
      });
    case DumpKind::rules:
      sweep(rules_, [](const auto& rule) { return PolicyRuleGone{rule.first}; });
      return tell_order();
  }
}

}  // namespace gotthard::route
