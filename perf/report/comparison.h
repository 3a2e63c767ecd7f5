// Two reports, figure by figure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "perf/report/results.h"

namespace gotthard::perf::report {

struct Difference {
  std::string point;
  std::string figure;
  Spread before;
  Spread after;
  // "faster" or "slower" when the medians are further apart than the wider spread of starts, else
  // "same"; "one start" when a side has no spread.
  std::string word;

  [[nodiscard]] double ratio() const { return after.median / before.median; }
};

struct Comparison {
  std::string date_before;
  std::vector<Difference> differences;  // of what both measured, with equal arguments
  std::size_t only_before = 0;          // points that the other has no figure of
  std::size_t only_after = 0;
};

[[nodiscard]] Comparison compare(const Results& before, const Results& after);
// For a terminal.
[[nodiscard]] std::string text(const Comparison& comparison);

}  // namespace gotthard::perf::report
