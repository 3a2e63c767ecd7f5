// What a throughput run found, for people and for programs. Rates there are of all directions
// together, and bits those of IP packets.
#pragma once

#include <string>

#include "perf/line_rate/measure.h"

namespace gotthard::perf::line_rate {

// One object and a line's end.
[[nodiscard]] std::string json(const RunResult& result, const Generator& generator);
[[nodiscard]] std::string table(const RunResult& result, const Generator& generator);

}  // namespace gotthard::perf::line_rate
