// What several starts of one measurement say.
#pragma once

#include <cstddef>
#include <vector>

namespace gotthard::perf::report {

// In the unit of the values.
struct Spread {
  double median = 0;  // of an even number: the mean of the two in the middle
  double least = 0;
  double greatest = 0;
  std::size_t count = 0;

  [[nodiscard]] double width() const { return greatest - least; }
};

// Of none all is 0.
[[nodiscard]] Spread spread_of(std::vector<double> values);

enum class Change : unsigned char { none, less, more, unknown };

// Whether two medians are further apart than the wider of the two spreads. Unknown when one side
// has a single value, which has no spread.
[[nodiscard]] Change change(const Spread& before, const Spread& after);

}  // namespace gotthard::perf::report
