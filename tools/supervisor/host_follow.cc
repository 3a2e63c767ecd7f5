// Another configuration, or other claims, on a host that is set up: additions first, so that
// nothing is without its route or its blackhole meanwhile.
#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "tools/supervisor/host.h"

namespace gotthard::supervisor {
namespace {

constexpr auto kSubsystem = log::Subsystem::supervisor;

// Everything is tried; the first that fails is what is told, the others are in the log.
class Steps {
 public:
  void operator()(const Status& done) {
    if (done) {
      return;
    }
    log::event(log::Level::warning, kSubsystem, "host_does_not_follow",
               {{"error", done.error().message}});
    if (first_) {
      first_ = done;
    }
  }
  [[nodiscard]] Status first() const { return first_; }

 private:
  Status first_;
};

// There may be a hundred thousand of them.
template <typename T>
std::vector<T> without(const std::vector<T>& all, const std::vector<T>& taken) {
  const std::set<T> gone(taken.begin(), taken.end());
  std::vector<T> left;
  std::ranges::copy_if(all, std::back_inserter(left),
                       [&](const T& one) { return !gone.contains(one); });
  return left;
}

}  // namespace

Status Host::follow(config::Config next) {
  const config::Config last = std::exchange(config_, std::move(next));
  Steps step;
  for (std::size_t i = 0; i < twins_.size(); ++i) {
    step(follow_addresses(twins_[i], last.ports[i].addresses, config_.ports[i].addresses));
  }
  for (std::size_t i = 0; i < config_.wireguard.size(); ++i) {  // others do not change live
    if (last.wireguard[i].mtu != config_.wireguard[i].mtu) {
      step(netlink_.change_link(tunnels_[i].index, {.mtu = config_.wireguard[i].mtu}));
    }
    step(
        follow_addresses(tunnels_[i], last.wireguard[i].addresses, config_.wireguard[i].addresses));
  }
  step(reroute(tunnel_routes(last, claims_), tunnel_routes(config_, claims_)));
  for (std::size_t i = 0; i < config_.wireguard.size(); ++i) {
    if (last.wireguard[i].addresses != config_.wireguard[i].addresses) {
      refresh_tunnel(i);  // what went with an address
    }
  }
  return step.first();
}

Status Host::claim(std::size_t interface, std::set<config::Prefix> prefixes) {
  std::vector<config::Prefix> changed;
  std::ranges::set_symmetric_difference(claims_.at(interface), prefixes,
                                        std::back_inserter(changed));
  if (changed.empty()) {
    return {};
  }
  const auto routes = [&] {
    std::vector<TunnelRoute> found;
    for (const config::Prefix& prefix : changed) {
      if (const auto route = route_of(prefix, config_, claims_)) {
        found.push_back(*route);
      }
    }
    return found;
  };
  const std::vector<TunnelRoute> had = routes();
  claims_[interface] = std::move(prefixes);
  const auto stale = std::stable_partition(
      changed.begin(), changed.end(),
      [&](const config::Prefix& prefix) { return needs_blackhole(prefix, claims_); });
  Steps step;
  step(add_blackholes({changed.begin(), stale}));
  step(reroute(had, routes()));
  step(remove_blackholes({stale, changed.end()}));
  return step.first();
}

// What has another interface now moves there. Routes by one that is down come with it.
Status Host::reroute(const std::vector<TunnelRoute>& had, const std::vector<TunnelRoute>& wanted) {
  std::map<std::size_t, bool> up;
  std::map<config::Prefix, TunnelRoute> added;
  for (const TunnelRoute& route : without(wanted, had)) {
    const auto [known, is_new] = up.try_emplace(route.interface);
    if (is_new) {
      known->second = is_up(route.interface);
    }
    if (known->second) {
      added.emplace(route.prefix, route);
    }
  }
  const auto change = [&](const TunnelRoute& route) {
    return RouteChange{route.prefix, tunnels_[route.interface].index, route.metric};
  };
  Steps step;
  for (const TunnelRoute& route : without(had, wanted)) {
    const auto to = added.find(route.prefix);
    if (to == added.end()) {
      step(netlink_.remove_route(change(route)));
    } else if (const auto moved = netlink_.move_route(change(route), change(to->second)); !moved) {
      step(tl::unexpected(moved.error()));
    } else if (*moved) {
      added.erase(to);
    }
  }
  std::vector<TunnelRoute> others;
  for (const auto& [prefix, route] : added) {
    others.push_back(route);
  }
  add_routes(others, log::Level::warning);
  return step.first();
}

Status Host::follow_addresses(const Device& device,
                              const std::vector<config::InterfaceAddress>& from,
                              const std::vector<config::InterfaceAddress>& to) {
  if (from == to) {
    return {};
  }
  Steps step;
  // Added first: a device without any address loses its routes.
  for (const config::InterfaceAddress& address : without(to, from)) {
    step(netlink_.add_address(device.index, address));
  }
  for (const config::InterfaceAddress& address : without(from, to)) {
    step(netlink_.remove_address(device.index, address));
  }
  // With the first of a network's addresses the kernel takes the others.
  for (const config::InterfaceAddress& address : to) {
    step(netlink_.add_address(device.index, address));
  }
  return step.first();
}

Status Host::remove_blackholes(const std::vector<config::Prefix>& stale) {
  if (stale.empty()) {
    return {};
  }
  const std::set<config::Prefix> unwanted(stale.begin(), stale.end());
  Steps step;
  std::erase_if(noted_.blackholes, [&](const Blackhole& blackhole) {
    if (!unwanted.contains(blackhole.prefix)) {
      return false;
    }
    const Status done = netlink_.remove_route({blackhole.prefix, 0, blackhole.metric});
    step(done);
    return done.has_value();
  });
  step(note());
  return step.first();
}

}  // namespace gotthard::supervisor
