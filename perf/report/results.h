// What a report is made of: points of a grid, each with what its starts printed. As JSON it is
// `report.json`:
//   schema    1; another number when a reader of this one would misunderstand it
//   date      UTC, ISO 8601
//   command   line that measured it
//   machine   see machine.h
//   starts, seconds   as asked for
//   points    arguments (of gotthard-perf), starts (JSON of each process), errors (of starts that
//             failed), medians (JSON pointer into a start -> median over the starts)
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "perf/report/machine.h"
#include "perf/report/statistics.h"

namespace gotthard::perf::report {

// Of gotthard-perf, the first is the verb; without --seconds and --json, so that the same question
// has the same arguments in each report.
using Arguments = std::vector<std::string>;

[[nodiscard]] std::string joined(const Arguments& arguments);

struct Point {
  Arguments arguments;
  std::vector<nlohmann::ordered_json> starts;
  std::vector<std::string> errors;

  [[nodiscard]] bool failed() const { return starts.empty(); }
  // The numbers at a JSON pointer ("/loads/0/undisturbed/p99_us"); none where no start has one.
  [[nodiscard]] std::optional<Spread> figure(const std::string& pointer) const;
  // A member of what the first start printed; null where there is none.
  [[nodiscard]] const nlohmann::ordered_json& part(const std::string& name) const;
};

struct Results {
  std::string date;
  std::string command;
  Machine machine;
  unsigned starts = 0;
  double seconds = 0;
  std::vector<Point> points;

  // Null when there is none.
  [[nodiscard]] const Point* find(const Arguments& arguments) const;
  // What is the same for all points ("backend", "memory"), as the first says that has such a
  // member; "unknown" when none has.
  [[nodiscard]] std::string said(const std::string& member) const;
};

[[nodiscard]] std::string json(const Results& results);
// `name` is what errors call the text. Medians are not read: they follow from the starts.
[[nodiscard]] Result<Results> parse(const std::string& text, const std::string& name);

}  // namespace gotthard::perf::report
