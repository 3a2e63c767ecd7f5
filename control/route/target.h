// Where a route leads, its gateway found.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "control/route/changes.h"
#include "control/route/devices.h"

namespace gotthard::route {

struct Way {
  Device device;
  std::uint16_t mtu = 0;
  Address gateway;  // on-link at a port; family none: whoever is addressed, or into a tunnel
  std::uint16_t weight = 1;
  bool operator==(const Way&) const = default;
};

struct Target {
  enum class Kind : std::uint8_t {
    none,       // no route here
    blackhole,  // also routes through links that are not ours
    unreachable,
    prohibit,
    no_route,  // nor any shorter one
    not_followed,
    // The supervisor's blackhole behind a tunnel prefix: against leaks, so it yields to a shorter
    // route into a tunnel.
    guard,
    local,
    forward,
  };
  Kind kind = Kind::none;
  Device device;          // a local one's
  std::vector<Way> ways;  // of one that forwards, at least one
  Address source;         // preferred
  bool operator==(const Target&) const = default;

  [[nodiscard]] bool into_tunnel() const {
    return kind == Kind::forward && std::ranges::all_of(ways, [](const Way& way) {
             return way.device.kind == DeviceKind::tunnel;
           });
  }
};

// What a table says of an outer packet's destination: by the longest route with a way that it may
// take.
struct Answer {
  Target target;            // none: nothing
  std::uint8_t length = 0;  // of that route's prefix
  bool refuses = false;     // it is there to refuse: blackhole, unreachable, prohibit
};

// A route for some packets of its prefix: IPv4's by class, IPv6's by source.
struct Exception {
  std::uint8_t dscp = 0;
  Prefix from;
  Target target;
  bool operator==(const Exception&) const = default;
};

}  // namespace gotthard::route
