#include "perf/report/comparison.h"

#include <fmt/format.h>

#include <algorithm>

#include "perf/report/figures.h"

namespace gotthard::perf::report {
namespace {

const char* word(const Spread& before, const Spread& after, bool less_is_better) {
  switch (change(before, after)) {
    case Change::none:
      return "same";
    case Change::less:
      return less_is_better ? "faster" : "slower";
    case Change::more:
      return less_is_better ? "slower" : "faster";
    case Change::unknown:
      break;
  }
  return "one start";
}

bool has_figures(const Point* point) { return point != nullptr && !point->failed(); }

}  // namespace

Comparison compare(const Results& before, const Results& after) {
  Comparison comparison{.date_before = before.date, .differences = {}};
  for (const Point& point : after.points) {
    const Point* old = before.find(point.arguments);
    if (point.failed() || !has_figures(old)) {
      comparison.only_after += point.failed() ? 0 : 1;
      continue;
    }
    for (const Figure& figure : figures_of(point)) {
      const auto first = old->figure(figure.pointer);
      const auto second = point.figure(figure.pointer);
      if (first && second) {
        comparison.differences.push_back({.point = joined(point.arguments),
                                          .figure = figure.name,
                                          .before = *first,
                                          .after = *second,
                                          .word = word(*first, *second, figure.less_is_better)});
      }
    }
  }
  comparison.only_before = static_cast<std::size_t>(
      std::count_if(before.points.begin(), before.points.end(), [&](const Point& point) {
        return !point.failed() && !has_figures(after.find(point.arguments));
      }));
  return comparison;
}

std::string text(const Comparison& comparison) {
  std::string result = fmt::format("{:>9} {:>18} {:>9} {:>18} {:>6}  {:<9}  {}\n", "old", "spread",
                                   "new", "spread", "ratio", "", "point and figure");
  for (const Difference& difference : comparison.differences) {
    result += fmt::format("{:>9} {:>18} {:>9} {:>18} {:>6.3f}  {:<9}  {}: {}\n",
                          number(difference.before), range(difference.before),
                          number(difference.after), range(difference.after), difference.ratio(),
                          difference.word, difference.point, difference.figure);
  }
  return result + fmt::format(
                      "points with figures in the old report only: {}, in this one only: "
                      "{}\n",
                      comparison.only_before, comparison.only_after);
}

}  // namespace gotthard::perf::report
