#include "tools/supervisor/tunnel_routes.h"

#include <algorithm>

namespace gotthard::supervisor {

Claims claims_of(const config::Config& config) {
  Claims claims;
  for (const config::WireGuard& tunnel : config.wireguard) {
    std::set<config::Prefix>& claimed = claims.emplace_back();
    for (const config::Peer& peer : tunnel.peers) {
      claimed.insert(peer.allowed_ips.begin(), peer.allowed_ips.end());
    }
  }
  for (const config::Ipsec& tunnel : config.ipsec) {
    const std::vector<config::Prefix> remote = config::remote_prefixes(tunnel);
    claims.emplace_back(remote.begin(), remote.end());
  }
  return claims;
}

std::optional<TunnelRoute> route_of(const config::Prefix& prefix, const config::Config& config,
                                    const Claims& claims) {
  const bool is_default = prefix.length == 0;
  const std::vector<config::TunnelDevice> devices = config::tunnel_devices(config);
  for (std::size_t i = 0; i < claims.size(); ++i) {
    const config::RoutePolicy policy = devices[i].routes;
    const bool wanted =
        is_default ? policy == config::RoutePolicy::all : policy != config::RoutePolicy::none;
    if (wanted && claims[i].contains(prefix)) {
      return TunnelRoute{i, prefix, is_default ? kDefaultRouteMetric : 0};
    }
  }
  return std::nullopt;
}

std::vector<TunnelRoute> tunnel_routes(const config::Config& config, const Claims& claims) {
  std::vector<TunnelRoute> routes;
  for (std::size_t i = 0; i < claims.size(); ++i) {
    for (const config::Prefix& prefix : claims[i]) {
      // One route a prefix, also when two interfaces claim it.
      if (const auto route = route_of(prefix, config, claims); route && route->interface == i) {
        routes.push_back(*route);
      }
    }
  }
  return routes;
}

bool needs_blackhole(const config::Prefix& prefix, const Claims& claims) {
  return prefix.length > 0 &&
         std::ranges::any_of(claims, [&](const auto& claimed) { return claimed.contains(prefix); });
}

std::vector<config::Prefix> blackhole_prefixes(const Claims& claims) {
  std::set<config::Prefix> prefixes;
  for (const std::set<config::Prefix>& claimed : claims) {
    prefixes.insert(claimed.begin(), claimed.end());
  }
  std::erase_if(prefixes, [](const config::Prefix& prefix) { return prefix.length == 0; });
  return {prefixes.begin(), prefixes.end()};
}

}  // namespace gotthard::supervisor
