#include "control/route/fib_table.h"

#include <algorithm>

namespace gotthard::route {
namespace {

std::uint16_t bit(std::uint16_t port) { return static_cast<std::uint16_t>(1U << port); }

void count(std::size_t* entries, std::uint32_t before, std::uint32_t after) {
  if (before == 0 && after != 0) {
    ++*entries;
  } else if (before != 0 && after == 0) {
    --*entries;
  }
}

}  // namespace

FibTable::FibTable(CommandSink* sink, const Devices* devices, NextHops* hops, Owners* owners)
    : sink_(sink), devices_(devices), hops_(hops), owners_(owners) {}

// ---------------------------------------------------------------- inputs

FibTable::Cell& FibTable::touch(const Prefix& prefix, bool route, bool allowed) {
  const PrefixKey key = to_key(prefix);
  changes_.push_back({prefix.address.family, key, route, allowed});
  return trie(prefix.address.family).find_or_insert(key);
}

void FibTable::set_static_routes(const std::vector<config::Route>& routes) {
  for (const StaticRoute& route : static_routes_) {
    std::erase_if(touch(route.destination, true, false).routes,
                  [](const Candidate& candidate) { return candidate.fixed >= 0; });
  }
  static_routes_.clear();
  for (const config::Route& route : routes) {
    Candidate candidate;
    candidate.fixed = static_cast<int>(static_routes_.size());
    static_routes_.push_back({route.destination, route.via, route.interface});
    touch(route.destination, true, false).routes.push_back(candidate);
  }
}

void FibTable::set_plain(std::uint16_t port, const Prefix& prefix, bool plain) {
  Cell& cell = touch(prefix, false, true);
  cell.plain = static_cast<std::uint16_t>(plain ? cell.plain | bit(port) : cell.plain & ~bit(port));
}

void FibTable::add_route(const KernelRoute& route) {
  Candidate candidate;
  candidate.order = ++order_;
  candidate.kernel = route;
  touch(route.destination, true, false).routes.push_back(candidate);
}

void FibTable::replace_route(const KernelRoute& before, const KernelRoute& after) {
  auto& routes = touch(before.destination, true, false).routes;
  const auto at = std::ranges::find_if(routes, [&](const Candidate& candidate) {
    return candidate.fixed < 0 && candidate.kernel == before;
  });
  if (at == routes.end()) {
    add_route(after);
  } else {
    at->kernel = after;
  }
}

void FibTable::remove_route(const KernelRoute& route) {
  auto& routes = touch(route.destination, true, false).routes;
  const auto at = std::ranges::find_if(routes, [&](const Candidate& candidate) {
    return candidate.fixed < 0 && candidate.kernel == route;
  });
  if (at != routes.end()) {
    routes.erase(at);
  }
}

void FibTable::set_allowed_ip(std::uint16_t interface, const Prefix& prefix, std::uint32_t peer) {
  Cell& cell = touch(prefix, false, true);
  // Such a route follows it.
  changes_.back().route = std::ranges::any_of(cell.routes, [](const Candidate& candidate) {
    return candidate.fixed < 0 && candidate.kernel.protocol == kRouteProtocol;
  });
  auto& allowed = cell.allowed;
  std::erase_if(allowed, [&](const AllowedIp& entry) { return entry.interface == interface; });
  if (peer != abi::kNoPeer) {
    allowed.push_back({interface, peer});
  }
}

void FibTable::set_neighbour(std::uint16_t port, const Address& address, bool usable) {
  auto& ports = touch(host_prefix(address), false, false).neighbour;
  std::erase(ports, port);
  if (usable) {
    ports.push_back(port);
  }
}

void FibTable::forget_neighbours() {
  for (const Family family : {Family::ipv4, Family::ipv6}) {
    trie(family).walk(PrefixKey{}, 0, [](const PrefixKey&, Cell& cell, int) {
      cell.neighbour.clear();
      return true;
    });
  }
  everything_ = true;
}

void FibTable::set_local(const Address& address, std::optional<std::uint16_t> owner) {
  touch(host_prefix(address), false, false).local = owner.value_or(kNoOwner);
}

// ---------------------------------------------------------------- evaluation

FibTable::Context FibTable::outermost() {
  Context context;
  context.peer.fill(abi::kNoPeer);
  return context;
}

void FibTable::enter(Context* context, const Cell& cell) {
  const bool yields = cell.target.kind == Target::Kind::guard && context->route != nullptr &&
                      context->route->into_tunnel();
  if (cell.target.kind != Target::Kind::none && !yields) {
    context->route = &cell.target;
    context->exceptions.clear();
  }
  if (!cell.exceptions.empty()) {
    context->exceptions.insert(context->exceptions.begin(), &cell.exceptions);
  }
  for (const AllowedIp& entry : cell.allowed) {
    context->peer[entry.interface] = entry.peer;
  }
  context->plain |= cell.plain;
}

void FibTable::evaluate(Family family, const PrefixKey& key, Cell* cell, const Context& context,
                        Nanoseconds now) {
  set_hop(family, key, cell, flatten(family, key, *cell, context), now);
  set_owner(family, key, cell, context);
}

void FibTable::set_hop(Family family, const PrefixKey& key, Cell* cell,
                       const std::optional<Hop>& hop, Nanoseconds now) {
  if (hop ? cell->hop != 0 && hops_->at(cell->hop) == *hop : cell->hop == 0) {
    return;
  }
  const std::uint32_t old = cell->hop;
  cell->hop = hop ? hops_->acquire(*hop, now) : 0;
  if (cell->hop != old) {
    send(abi::Table::routes, family, key, cell->hop);
  }
  if (old != 0) {
    hops_->release(old);
  }
  count(&prefixes_, old, cell->hop);
}

// Every interface's owner of the prefix, its own allowed IP or a shorter one.
void FibTable::set_owner(Family family, const PrefixKey& key, Cell* cell, const Context& context) {
  std::vector<Owner> chain;
  if (!cell->allowed.empty()) {
    for (std::size_t i = 0; i < context.peer.size(); ++i) {
      if (context.peer[i] != abi::kNoPeer) {
        chain.push_back({context.peer[i], static_cast<std::uint16_t>(i)});
      }
    }
  }
  if (chain.empty() ? cell->owner == 0 : cell->owner != 0 && owners_->equals(cell->owner, chain)) {
    return;
  }
  const std::uint32_t old = cell->owner;
  cell->owner = chain.empty() ? 0 : owners_->acquire(chain);
  if (cell->owner != old) {
    send(abi::Table::sources, family, key, cell->owner);
  }
  if (old != 0) {
    owners_->release(old);
  }
  count(&sources_, old, cell->owner);
}

void FibTable::send(abi::Table table, Family family, const PrefixKey& key, std::uint32_t value) {
  const Prefix prefix = to_prefix(family, key);
  if (value != 0) {
    abi::PrefixSet command;
    command.table = table;
    command.length = prefix.length;
    command.value = value;
    command.address = prefix.address;
    sink_->send(command);
  } else {
    abi::PrefixRemove command;
    command.table = table;
    command.length = prefix.length;
    command.address = prefix.address;
    sink_->send(command);
  }
  sink_->need_commit();
}

// ---------------------------------------------------------------- changes

void FibTable::retarget(const Change& change) {
  Cell* cell = trie(change.family).find(change.key);
  if (cell != nullptr) {
    cell->target = best(change.key, change.family, *cell, nullptr, 0);
    cell->exceptions = exceptions(change.key, change.family, *cell);
  }
}

// They depend on other routes: a few look-ups each time any route has changed.
void FibTable::resolve_static_routes() {
  for (const StaticRoute& route : static_routes_) {
    const Family family = route.destination.address.family;
    const PrefixKey key = to_key(route.destination);
    Cell* cell = trie(family).find(key);
    const Target target = best(key, family, *cell, nullptr, 0);
    if (cell->target != target) {
      cell->target = target;
      changes_.push_back({family, key, true, false});
    }
  }
}

// A [[route]] leads otherwise, for somebody, when its gateway's routes do.
void FibTable::follow_gateways(std::vector<Prefix>* changed) const {
  std::vector<bool> found(static_routes_.size());
  for (std::size_t n = 0; n < changed->size(); ++n) {
    for (std::size_t i = 0; i < static_routes_.size(); ++i) {
      const StaticRoute& route = static_routes_[i];
      if (!found[i] && route.via && covers((*changed)[n], *route.via)) {
        found[i] = true;
        changed->push_back(route.destination);
      }
    }
  }
}

void FibTable::reevaluate(const Change& change, Nanoseconds now) {
  Trie& cells = trie(change.family);
  Context context = outermost();
  cells.for_each_covering(change.key, [&](const PrefixKey& key, const Cell& cell) {
    if (key.length < change.key.length) {
      enter(&context, cell);
    }
  });
  context.by_route = change.route;
  context.by_allowed = change.allowed;
  cells.walk(change.key, context, [&](const PrefixKey& key, Cell& cell, Context& here) {
    const bool origin = key == change.key;
    // A longer route takes what lies below from the changed one.
    if (!origin && cell.target.kind != Target::Kind::none &&
        cell.target.kind != Target::Kind::guard) {
      here.by_route = false;
    }
    if (!origin && !here.by_route && !here.by_allowed) {
      return false;
    }
    enter(&here, cell);
    evaluate(change.family, key, &cell, here, now);
    return here.by_route || here.by_allowed;
  });
}

void FibTable::reevaluate_everything(Nanoseconds now) {
  for (const Family family : {Family::ipv4, Family::ipv6}) {
    trie(family).walk(PrefixKey{}, 0, [&](const PrefixKey& key, Cell& cell, int) {
      cell.target = best(key, family, cell, nullptr, 0);
      cell.exceptions = exceptions(key, family, cell);
      return true;
    });
    reevaluate({family, PrefixKey{}, true, true}, now);
  }
}

bool FibTable::flush(Nanoseconds now, std::vector<Prefix>* changed) {
  const bool everything = everything_;
  everything_ = false;
  bool any_route = everything;
  for (const Change& change : changes_) {
    if (change.route) {
      any_route = true;
      retarget(change);
    }
  }
  if (any_route) {
    resolve_static_routes();
  }
  std::ranges::sort(changes_);
  // Not std::ranges: clang 14, which builds the fuzzers, cannot read that of libstdc++ 12.
  changes_.erase(std::unique(changes_.begin(), changes_.end()), changes_.end());
  if (everything) {
    reevaluate_everything(now);
  } else {
    for (const Change& change : changes_) {
      reevaluate(change, now);
      if (change.route || change.allowed) {
        changed->push_back(to_prefix(change.family, change.key));
      }
    }
    follow_gateways(changed);
  }
  for (const Change& change : changes_) {
    const Cell* cell = trie(change.family).find(change.key);
    if (cell != nullptr && cell->routes.empty() && cell->allowed.empty() && cell->plain == 0 &&
        cell->neighbour.empty() && cell->local == kNoOwner) {
      trie(change.family).erase(change.key);
    }
  }
  changes_.clear();
  return everything;
}

void FibTable::restart() {
  for (const Family family : {Family::ipv4, Family::ipv6}) {
    trie(family).walk(PrefixKey{}, 0, [](const PrefixKey&, Cell& cell, int) {
      cell.hop = 0;
      cell.owner = 0;
      return true;
    });
  }
  prefixes_ = 0;
  sources_ = 0;
  everything_ = true;
}

void FibTable::for_each_route(const std::function<void(const Prefix&, const Hop&)>& each) {
  for (const Family family : {Family::ipv4, Family::ipv6}) {
    trie(family).walk(PrefixKey{}, 0, [&](const PrefixKey& key, const Cell& cell, int) {
      if (cell.hop != 0) {
        each(to_prefix(family, key), hops_->at(cell.hop));
      }
      return true;
    });
  }
}

}  // namespace gotthard::route
