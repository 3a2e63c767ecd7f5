// Which numbers of a point are worth a line: those that a report lists and compares.
#pragma once

#include <string>
#include <vector>

#include "perf/report/results.h"

namespace gotthard::perf::report {

struct Figure {
  std::string name;     // with the unit
  std::string pointer;  // into what a start printed
  bool less_is_better = true;
};

// By what its first start printed; of a point that failed there are none.
[[nodiscard]] std::vector<Figure> figures_of(const Point& point);

// Four digits that matter, or "-" of none.
[[nodiscard]] std::string number(const std::optional<Spread>& spread);
// "1063 to 1071", or "-" of none.
[[nodiscard]] std::string range(const std::optional<Spread>& spread);

}  // namespace gotthard::perf::report
