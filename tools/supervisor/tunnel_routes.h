// Which routes the kernel gets for the tunnels: for the host's own traffic, as the kernel sees no
// transit.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <set>
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
  std::size_t interface = 0;  // its number
  config::Prefix prefix;
  std::uint32_t metric = 0;  // 0: the kernel's choice
  auto operator<=>(const TunnelRoute&) const = default;
};

// What the peers of each interface may be sent; index: interface number.
using Claims = std::vector<std::set<config::Prefix>>;

// By the file; control says what becomes of it while the gateway runs.
[[nodiscard]] Claims claims_of(const config::Config& config);

// By the policy of the first interface that claims it and has one for it.
[[nodiscard]] std::optional<TunnelRoute> route_of(const config::Prefix& prefix,
                                                  const config::Config& config,
                                                  const Claims& claims);
[[nodiscard]] std::vector<TunnelRoute> tunnel_routes(const config::Config& config,
                                                     const Claims& claims);

// All that is claimed but /0, whatever the policy: with the tunnel down the host must not send in
// the clear by another route. Never /0: that would take what the tunnel does not claim alone.
[[nodiscard]] bool needs_blackhole(const config::Prefix& prefix, const Claims& claims);
[[nodiscard]] std::vector<config::Prefix> blackhole_prefixes(const Claims& claims);

}  // namespace gotthard::supervisor
