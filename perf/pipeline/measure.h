// What a packet of a scenario takes: rounds of each kind in turns, and the figures from them.
#pragma once

#include <array>
#include <string>

#include "dataplane/abi/stage_id.h"
#include "perf/pipeline/environment.h"
#include "perf/pipeline/scenario.h"

namespace gotthard::perf::pipeline {

// Cycles are those of the time stamp counter, of one worker, for one packet.
struct Measurement {
  Scenario scenario;
  std::string backend;
  bool hugepages = false;
  double tsc_hz = 0;
  double packets_per_second = 0;  // of all workers
  double gbit_per_second = 0;     // of inner packets
  double cycles_per_packet = 0;   // whole path, source and sink taken off
  double source_sink_cycles_per_packet = 0;
  double aead_cycles_per_packet = 0;
  double overhead_cycles_per_packet = 0;     // whole path without AEAD
  std::array<double, kStageCount> stages{};  // 0: nothing went through it
  double atomics_per_packet = 0;             // locked instructions
  double quiet_share = 0;                    // of the chunks of the path
};

// Takes about `scenario.seconds`, up to a second longer while disturbances leave no figure that can
// be. An error when that did not help, when packets get lost, or are not what their receiver
// expects.
Result<Measurement> measure(const Scenario& scenario, const Environment& environment);

}  // namespace gotthard::perf::pipeline
