// Two backends at the same packets in turns, in one process: what one minute does to the machine it
// does to both.
#pragma once

#include "base/result.h"
#include "perf/aead/scenario.h"

namespace gotthard::perf {

struct Measurement {
  Scenario scenario;
  std::string backend;  // what `auto` came to
  double cycles_per_packet = 0;
  double baseline_cycles_per_packet = 0;
  double gbit_per_second = 0;  // of text
  double ratio = 0;            // above 1: the backend takes less than the baseline
  double tsc_hz = 0;
  double quiet = 0;  // part of the rounds in which the core was ours alone: only these count
};

// Takes about `seconds`. An error when a backend does not run here or a packet is refused that was
// not changed.
Result<Measurement> measure(const Scenario& scenario, double tsc_hz, double seconds);

}  // namespace gotthard::perf
