#include "tools/supervisor/tunnel_routes.h"

#include <set>

namespace gotthard::supervisor {

std::vector<TunnelRoute> tunnel_routes(const config::Config& config) {
  std::vector<TunnelRoute> routes;
  std::set<config::Prefix> taken;  // one route a prefix, also when two interfaces claim it
  for (std::size_t i = 0; i < config.wireguard.size(); ++i) {
    const config::WireGuard& tunnel = config.wireguard[i];
    if (tunnel.routes == config::RoutePolicy::none) {
      continue;
    }
    for (const config::Peer& peer : tunnel.peers) {
      for (const config::Prefix& prefix : peer.allowed_ips) {
        const bool is_default = prefix.length == 0;
        if (is_default && tunnel.routes != config::RoutePolicy::all) {
          continue;
        }
        if (taken.insert(prefix).second) {
          routes.push_back({i, prefix, is_default ? kDefaultRouteMetric : 0});
        }
      }
    }
  }
  return routes;
}

std::vector<config::Prefix> blackhole_prefixes(const config::Config& config) {
  std::set<config::Prefix> prefixes;
  for (const config::WireGuard& tunnel : config.wireguard) {
    for (const config::Peer& peer : tunnel.peers) {
      for (const config::Prefix& prefix : peer.allowed_ips) {
        if (prefix.length > 0) {
          prefixes.insert(prefix);
        }
      }
    }
  }
  return {prefixes.begin(), prefixes.end()};
}

}  // namespace gotthard::supervisor
