// Which routes the kernel gets for the tunnels: for the host's own traffic, as the kernel sees no
// transit.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "control/config/config.h"
#include "control/config/route_protocol.h"

namespace gotthard::supervisor {

// A blackhole loses against any other route for its prefix. Each gateway of a host has its own, by
// the greatest of these metrics that the prefix has free.
inline constexpr std::uint32_t kBlackholeMetric = 0xffffffff;
inline constexpr std::uint32_t kLeastBlackholeMetric = 0xffffff00;
// A default route into a tunnel loses against the host's own default route.
inline constexpr std::uint32_t kDefaultRouteMetric = 0xfffffffe;

struct TunnelRoute {
  std::size_t interface = 0;  // index in Config::wireguard
  config::Prefix prefix;
  std::uint32_t metric = 0;  // 0: the kernel's choice
  auto operator<=>(const TunnelRoute&) const = default;
};

// By each interface's policy; several peers' equal prefixes once.
[[nodiscard]] std::vector<TunnelRoute> tunnel_routes(const config::Config& config);

// Every peer's allowed IPs but /0, whatever the policy: with the tunnel down the host must not send
// in the clear by another route. Never /0: that would take what the tunnel does not claim alone.
[[nodiscard]] std::vector<config::Prefix> blackhole_prefixes(const config::Config& config);

}  // namespace gotthard::supervisor
