// What was measured, as JSON, as a table and as a plot.
#pragma once

#include <string>
#include <vector>

#include "perf/aead/measure.h"

namespace gotthard::perf {

// One object, or an array of them for a grid.
[[nodiscard]] std::string json(const std::vector<Measurement>& cells, bool grid);
[[nodiscard]] std::string table(const std::vector<Measurement>& cells);
// The ratio over the size: a panel a suite and direction, a line a working set and number of
// sessions.
[[nodiscard]] std::string svg(const std::vector<Measurement>& cells);

}  // namespace gotthard::perf
