// All points of a grid, each start in a process of its own.
#pragma once

#include <cstdio>

#include "perf/report/results.h"

namespace gotthard::perf::report {

// Runs the grid `starts` times, one start of each point a round: what one minute does to the
// machine it does to one start of many points. What fails is kept with the reason, and the rest
// goes on. `seconds` is how long a pipeline measures; the others take their part of it.
[[nodiscard]] std::vector<Point> measure(const std::vector<Arguments>& grid, unsigned starts,
                                         double seconds, std::FILE* progress);

}  // namespace gotthard::perf::report
