// What many routes and allowed IPs cost: each packet to look up, and once to build.
#pragma once

#include <cstdint>

#include "perf/pipeline/run.h"
#include "perf/scale/bench.h"

namespace gotthard::perf::scale {

struct Routes {
  std::uint32_t prefixes = 0;  // behind the tunnel, and as many inside; packets are for any of them
  pipeline::Figures one;       // cycles a packet with one route
  pipeline::Figures many;
  double lookup_cycles = 0;  // that looking routes up takes longer with many, a packet
  double quiet_share = 0;
  // Control: from allowed IPs to commands for the data plane, which are counted.
  double control_seconds = 0;
  std::uint64_t commands = 0;
  // Data plane: from the first command until all routes are in force in both copies of the tables.
  double data_plane_seconds = 0;
};

Result<Routes> measure_routes(const Bench& bench, std::uint32_t prefixes);

}  // namespace gotthard::perf::scale
