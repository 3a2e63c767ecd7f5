// Which of a prefix's routes counts, and where it leads.
#include <algorithm>

#include "control/route/fib_table.h"

namespace gotthard::route {
namespace {

constexpr int kMaxRecursion = 4;

Target ending(Target::Kind kind) {
  Target target;
  target.kind = kind;
  return target;
}
Target blackhole() { return ending(Target::Kind::blackhole); }

}  // namespace

// The gateway of a [[route]] may lie behind another route. What leads nowhere is a blackhole: the
// packets must not take a shorter route instead. But outer packets go around a tunnel that they may
// not take, as they do around kernel routes into it.
Target FibTable::resolve_gateway(const PrefixKey& own, Family family, const Address& via,
                                 const Admits* admits, int depth) {
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
        const Target target = best(key, via_family, cell, admits, depth + 1);
        if (target.kind != Target::Kind::none &&
            !(target.kind == Target::Kind::guard && found.into_tunnel())) {
          found = target;
        }
      });
  if (found.kind != Target::Kind::forward) {
    const bool kept_out =
        admits != nullptr &&
        resolve_gateway(own, family, via, nullptr, depth).kind == Target::Kind::forward;
    return kept_out ? Target{} : blackhole();
  }
  for (Way& way : found.ways) {
    if (way.device.kind == DeviceKind::port && way.gateway.family == Family::none) {
      way.gateway = via;
    }
  }
  return found;
}

Target FibTable::resolve_fixed(const PrefixKey& own, Family family, const StaticRoute& route,
                               const Admits* admits, int depth) {
  Way way;
  way.device = devices_->by_name(route.interface);
  if (way.device.kind == DeviceKind::none) {
    return route.via ? resolve_gateway(own, family, *route.via, admits, depth) : blackhole();
  }
  way.mtu = devices_->mtu(way.device);
  way.gateway = way.device.kind == DeviceKind::port ? route.via.value_or(Address{}) : Address{};
  Target target = ending(Target::Kind::forward);
  target.ways = {way};
  return target;
}

// A route that the supervisor made for an allowed IP leads to the interface that has it. It moves
// in the kernel only after the allowed IP has moved from one interface to another.
Device FibTable::device_of(const KernelRoute& route, int link, const Cell& cell) const {
  Device device = devices_->by_link(link);
  if (route.protocol == kRouteProtocol && device.kind == DeviceKind::tunnel &&
      !devices_->is_ipsec(device.number) && !cell.allowed.empty() &&
      std::ranges::find(cell.allowed, device.number, &AllowedIp::interface) == cell.allowed.end()) {
    device.number = cell.allowed.front().interface;
  }
  return device;
}

Target FibTable::resolve_kernel(const KernelRoute& route, const Cell& cell) const {
  return target_of(route, *devices_, [&](int link) { return device_of(route, link, cell); });
}

Target FibTable::resolve(const PrefixKey& own, Family family, const Cell& cell,
                         const Candidate& candidate, const Admits* admits, int depth) {
  Target target =
      candidate.fixed >= 0
          ? resolve_fixed(own, family, static_routes_[static_cast<std::size_t>(candidate.fixed)],
                          admits, depth)
          : resolve_kernel(candidate.kernel, cell);
  if (admits == nullptr) {
    return target;
  }
  return admitted(std::move(target), *admits);
}

FibTable::Rank FibTable::rank(const Candidate& candidate, const Target& target) {
  return candidate.fixed >= 0 ? Rank{false, {false, 0, static_cast<std::uint32_t>(candidate.fixed)}}
                              : Rank{true, rank_of(candidate.kernel, target, candidate.order)};
}

Target FibTable::best(const PrefixKey& key, Family family, const Cell& cell, const Admits* admits,
                      int depth, const Candidate** which) {
  Target chosen;
  Rank chosen_rank;
  for (const Candidate& candidate : cell.routes) {
    if (candidate.fixed < 0 && !is_for_all(candidate.kernel)) {
      continue;
    }
    Target target = resolve(key, family, cell, candidate, admits, depth);
    if (target.kind == Target::Kind::none) {
      continue;
    }
    const Rank own = rank(candidate, target);
    if (chosen.kind == Target::Kind::none || own < chosen_rank) {
      chosen = std::move(target);
      chosen_rank = own;
      if (which != nullptr) {
        *which = &candidate;
      }
    }
  }
  return chosen;
}

// The best of each class and source; longer sources first.
std::vector<Exception> FibTable::exceptions(const PrefixKey& key, Family family, const Cell& cell) {
  std::vector<Exception> result;
  std::vector<Rank> ranks;
  if (std::ranges::any_of(cell.routes, [](const Candidate& one) { return one.fixed >= 0; })) {
    return result;  // a [[route]] is for all packets
  }
  for (const Candidate& candidate : cell.routes) {
    if (is_for_all(candidate.kernel)) {
      continue;
    }
    Exception found;
    found.dscp = static_cast<std::uint8_t>(candidate.kernel.tos >> 2);
    found.from = candidate.kernel.from;
    found.target = resolve(key, family, cell, candidate, nullptr, 0);
    const Rank own = rank(candidate, found.target);
    const auto at = std::ranges::find_if(result, [&](const Exception& other) {
      return other.dscp == found.dscp && other.from == found.from;
    });
    if (at == result.end()) {
      result.push_back(std::move(found));
      ranks.push_back(own);
    } else if (Rank& known = ranks[static_cast<std::size_t>(at - result.begin())]; own < known) {
      *at = std::move(found);
      known = own;
    }
  }
  std::ranges::stable_sort(result, std::ranges::greater{},
                           [](const Exception& one) { return one.from.length; });
  return result;
}

Answer FibTable::underlay(const Address& address, const Admits& admits) {
  Answer found;
  trie(address.family)
      .for_each_covering(to_key(host_prefix(address)), [&](const PrefixKey& key, const Cell& cell) {
        const Candidate* which = nullptr;
        Target target = best(key, address.family, cell, &admits, 0, &which);
        if (target.kind != Target::Kind::none) {
          found = {.target = std::move(target),
                   .length = key.length,
                   .refuses = which->fixed < 0 && refuses(which->kernel)};
        }
      });
  return found;
}

std::uint32_t FibTable::peer_for(std::uint16_t interface, const Address& address) {
  std::uint32_t peer = abi::kNoPeer;
  trie(address.family)
      .for_each_covering(to_key(host_prefix(address)), [&](const PrefixKey&, const Cell& cell) {
        const auto at = std::ranges::find(cell.allowed, interface, &AllowedIp::interface);
        peer = at == cell.allowed.end() ? peer : at->peer;
      });
  return peer;
}

Target FibTable::lookup(const Address& address) {
  Context context = outermost();
  trie(address.family)
      .for_each_covering(to_key(host_prefix(address)),
                         [&](const PrefixKey&, const Cell& cell) { enter(&context, cell); });
  return context.route == nullptr ? Target{} : *context.route;
}

}  // namespace gotthard::route
