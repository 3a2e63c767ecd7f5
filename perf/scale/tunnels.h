// How the rate of a worker falls with the number of tunnels whose packets take turns, packet by
// packet.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "perf/pipeline/run.h"
#include "perf/scale/bench.h"

namespace gotthard::perf::scale {

struct TunnelsRow {
  std::uint32_t tunnels = 1;
  pipeline::Figures figures;      // cycles a packet
  double packets_per_second = 0;  // source and sink taken off
  // To one tunnel, in the same seconds: the rate; and what the AEAD alone takes more, as its keys'
  // schedules are not where they were used last.
  double relative_rate = 1;
  double key_miss_cycles = 0;
  double quiet_share = 0;
};

Result<std::vector<TunnelsRow>> measure_tunnels(const Bench& bench,
                                                std::span<const std::uint32_t> counts);

}  // namespace gotthard::perf::scale
