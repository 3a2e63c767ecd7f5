// How many sessions a second control and data plane bring into force: through the command ring, the
// manager and its store, and back by the event ring.
#pragma once

#include <cstdint>

#include "perf/scale/bench.h"

namespace gotthard::perf::scale {

// Times are of one core, the median of what was quiet, for a session.
struct Install {
  std::uint64_t sessions = 0;
  std::uint64_t refused = 0;  // by mistake: the registry of keys is a filter
  double sessions_per_second = 0;
  double control_microseconds = 0;
  double manager_microseconds = 0;
  double quiet_share = 0;
};

// Of WireGuard, to many peers in turn, each of which replaces an older one that is erased.
Result<Install> measure_install(const Bench& bench);

}  // namespace gotthard::perf::scale
