#include <fmt/format.h>

#include "perf/report/figures.h"
#include "perf/report/markup.h"
#include "perf/report/sections.h"

namespace gotthard::perf::report {
namespace {

std::string failures(const Results& results) {
  Table table({"point", "what it said"}, 2);
  for (const Point& point : results.points) {
    for (const std::string& error : point.errors) {
      table.add({joined(point.arguments), error});
    }
  }
  return table.empty() ? "" : "<h2>Failed</h2>\n" + table.html();
}

}  // namespace

std::string points_section(const Results& results) {
  Table table({"arguments", "figure", "median", "spread", "starts"}, 2);
  for (const Point& point : results.points) {
    for (const Figure& figure : figures_of(point)) {
      const auto found = point.figure(figure.pointer);
      table.add({joined(point.arguments), figure.name, number(found), range(found),
                 fmt::format("{}", found ? found->count : 0)});
    }
    if (point.failed()) {
      table.add({joined(point.arguments), "failed", "-", "-", "0"});
    }
  }
  return failures(results) +
         "<h2>All figures</h2>\n<details><summary>Medians and spreads of the starts, each of which "
         "is a process of its own</summary>\n" +
         table.html() + "</details>\n";
}

}  // namespace gotthard::perf::report
