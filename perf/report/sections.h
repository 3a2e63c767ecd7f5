// The parts of the page, one question each; HTML.
#pragma once

#include <string>

#include "perf/report/comparison.h"
#include "perf/report/results.h"

namespace gotthard::perf::report {

// Rates over sizes against the AEAD's, and the cycles of both.
[[nodiscard]] std::string throughput_section(const Results& results);
// Where a packet's cycles go, stage by stage.
[[nodiscard]] std::string stages_section(const Results& results);
// Working sets, tunnels, workers.
[[nodiscard]] std::string scaling_section(const Results& results);
[[nodiscard]] std::string latency_section(const Results& results);
[[nodiscard]] std::string comparison_section(const Comparison& comparison);
// All figures with the spread of their starts, and what failed.
[[nodiscard]] std::string points_section(const Results& results);

}  // namespace gotthard::perf::report
