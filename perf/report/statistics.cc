#include "perf/report/statistics.h"

#include <algorithm>
#include <cmath>

namespace gotthard::perf::report {

Spread spread_of(std::vector<double> values) {
  if (values.empty()) {
    return {};
  }
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  const double median =
      values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {
      .median = median, .least = values.front(), .greatest = values.back(), .count = values.size()};
}

Change change(const Spread& before, const Spread& after) {
  if (before.count < 2 || after.count < 2) {
    return Change::unknown;
  }
  const double difference = after.median - before.median;
  if (std::abs(difference) <= std::max(before.width(), after.width())) {
    return Change::none;
  }
  return difference < 0 ? Change::less : Change::more;
}

}  // namespace gotthard::perf::report
