// What all parts of `gotthard-perf scale` are given.
#pragma once

#include "perf/pipeline/environment.h"
#include "perf/pipeline/scenario.h"

namespace gotthard::perf::scale {

struct Bench {
  pipeline::Environment environment;
  pipeline::Scenario scenario;  // the traffic; parts choose tunnels, routes and workers
  double seconds = 1;           // of each measurement
  double tsc_hz = 0;
};

}  // namespace gotthard::perf::scale
