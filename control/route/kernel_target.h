// Where one kernel route leads, whatever table it is in, and which of a prefix's comes first.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <tuple>

#include "control/route/changes.h"
#include "control/route/devices.h"
#include "control/route/target.h"

namespace gotthard::route {

// The ways that packets may take.
using Admits = std::function<bool(const Way&)>;

// Lower ones first: by metric, then by age.
using KernelRank = std::tuple<bool, std::uint32_t, std::uint32_t>;

// Where it ends, or `forward`.
[[nodiscard]] Target::Kind kind_of(const KernelRoute& route);

// `device_of` says whose a link is: it may know better than the links. Ways through links that are
// not ours never forward.
template <typename DeviceOf>
[[nodiscard]] Target target_of(const KernelRoute& route, const Devices& devices,
                               const DeviceOf& device_of) {
  Target target;
  target.kind = kind_of(route);
  target.source = route.source;
  if (target.kind == Target::Kind::local) {
    target.device = devices.by_link(route.hops[0].link);
    if (target.device.kind == DeviceKind::none) {
      target.kind = Target::Kind::blackhole;
    }
    return target;
  }
  if (target.kind != Target::Kind::forward) {
    return target;
  }
  for (const RouteHop& hop : route.hops) {
    Way way;
    way.device = device_of(hop.link);
    if (way.device.kind == DeviceKind::none) {
      continue;
    }
    const std::uint16_t mtu = devices.mtu(way.device);
    way.mtu =
        route.mtu == 0 ? mtu : static_cast<std::uint16_t>(std::min<std::uint32_t>(route.mtu, mtu));
    way.gateway = way.device.kind == DeviceKind::port ? hop.gateway : Address{};
    way.weight = hop.weight;
    target.ways.push_back(way);
  }
  if (target.ways.empty()) {
    target.kind = Target::Kind::blackhole;
  }
  return target;
}

// Of outer packets: with those ways alone, none without any.
[[nodiscard]] Target admitted(Target target, const Admits& admits);
[[nodiscard]] KernelRank rank_of(const KernelRoute& route, const Target& target,
                                 std::uint32_t order);
// Whatever the packet's class and source are.
[[nodiscard]] bool is_for_all(const KernelRoute& route);
[[nodiscard]] bool refuses(const KernelRoute& route);

}  // namespace gotthard::route
