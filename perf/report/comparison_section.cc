#include <fmt/format.h>

#include "perf/report/figures.h"
#include "perf/report/markup.h"
#include "perf/report/sections.h"

namespace gotthard::perf::report {

std::string comparison_section(const Comparison& comparison) {
  Table table({"arguments", "figure", "", "old", "spread", "new", "spread", "new to old"}, 3);
  for (const Difference& difference : comparison.differences) {
    table.add({difference.point, difference.figure, difference.word, number(difference.before),
               range(difference.before), number(difference.after), range(difference.after),
               fmt::format("{:.3f}", difference.ratio())});
  }
  return fmt::format(
             "<h2>Against {}</h2>\n<p>Faster or slower: the medians are further apart than the "
             "wider of the two spreads. Points with figures in the old report only: {}, in this "
             "one only: {}.</p>\n",
             escape(comparison.date_before), comparison.only_before, comparison.only_after) +
         table.html();
}

}  // namespace gotthard::perf::report
