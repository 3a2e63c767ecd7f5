// What a second worker adds: on one tunnel, and on as many tunnels as workers.
#pragma once

#include <cstdint>
#include <optional>

#include "perf/scale/bench.h"

namespace gotthard::perf::scale {

// Rates of two workers, source and sink included; medians over cycles, in which all were measured
// one after the other.
struct Scaling {
  double control = 0;        // what two CPUs do that use registers only; one does 1
  double one_tunnel = 0;     // to one worker
  double two_tunnels = 0;    // to one worker
  double one_to_two = 0;     // one tunnel to two tunnels
  std::uint64_t cycles = 0;  // that were measured
};

struct Workers {
  double one_worker_cycles = 0;  // a packet, median of all
  Scaling all;
  // Cycles in which the two CPUs were two cores: the control was at kTwoCores or above before and
  // after. None: there were none.
  std::optional<Scaling> quiet;
  double quiet_share = 0;
};

inline constexpr double kTwoCores = 1.9;

// Needs two CPUs.
Result<Workers> measure_workers(const Bench& bench);

}  // namespace gotthard::perf::scale
