#include <fmt/format.h>

#include <cmath>

#include "perf/report/figures.h"
#include "perf/report/grid.h"
#include "perf/report/markup.h"
#include "perf/report/plot.h"
#include "perf/report/sections.h"

namespace gotthard::perf::report {
namespace {

using nlohmann::ordered_json;

// Fewer points than a screen has places for.
constexpr std::size_t kMostPoints = 150;

// A distribution has no median of starts: that of the start whose p99 is the nearest to theirs.
const ordered_json* typical(const Point& point, std::size_t load) {
  const ordered_json::json_pointer place(fmt::format("/loads/{}/undisturbed", load));
  const auto p99 = point.figure((place / "p99_us").to_string());
  const ordered_json* nearest = nullptr;
  double least = 0;
  for (const ordered_json& start : point.starts) {
    if (!p99 || !start.contains(place / "ccdf") || !start.at(place / "p99_us").is_number()) {
      continue;
    }
    const double distance = std::abs(start.at(place / "p99_us").get<double>() - p99->median);
    if (nearest == nullptr || distance < least) {
      nearest = &start.at(place / "ccdf");
      least = distance;
    }
  }
  return nearest;
}

Series series_of(const ordered_json& ccdf, const std::string& name, std::size_t colour) {
  Series series{.name = name,
                .colour = static_cast<unsigned>(colour),
                .dashes = {},
                .marks = false,
                .points = {}};
  const std::size_t step = ccdf.size() / kMostPoints + 1;
  for (std::size_t i = 0; i < ccdf.size(); ++i) {
    const ordered_json& point = ccdf[i];
    if (!point.is_array() || point.size() != 2 || !point[0].is_number() || !point[1].is_number()) {
      continue;
    }
    // The far end has few points, and they are what one looks for.
    if (i % step == 0 || i + kMostPoints / 3 > ccdf.size()) {
      series.points.emplace_back(point[0].get<double>(), point[1].get<double>());
    }
  }
  return series;
}

std::size_t loads_of(const Point& point) { return point.part("loads").size(); }

std::string plot(const Point& point, const Path& path) {
  LinePlot plot{
      .title = fmt::format("{} encap, 1420 bytes", path.name),
      .x = {.label = "microseconds", .logarithmic = true, .names = {}},
      .y = {.label = "share of packets that took longer", .logarithmic = true, .names = {}},
      .series = {}};
  for (std::size_t i = 0; i < loads_of(point); ++i) {
    const auto percent = point.figure(fmt::format("/loads/{}/load_percent", i));
    const ordered_json* ccdf = typical(point, i);
    if (percent && ccdf != nullptr) {
      plot.series.push_back(series_of(*ccdf, fmt::format("{:g} % load", percent->median), i));
    }
  }
  return svg(plot);
}

void add_rows(Table* table, const Point& point, const Path& path) {
  if (point.failed()) {
    table->add({path.name, "failed", "-", "-", "-", "-", "-"});
  }
  for (std::size_t i = 0; i < loads_of(point); ++i) {
    const auto of = [&](const char* name) {
      return number(point.figure(fmt::format("/loads/{}/{}", i, name)));
    };
    table->add({path.name, of("load_percent"), of("undisturbed/p50_us"), of("undisturbed/p90_us"),
                of("undisturbed/p99_us"), of("undisturbed/p99_9_us"), of("undisturbed/max_us")});
  }
}

}  // namespace

std::string latency_section(const Results& results) {
  std::string text =
      "<h2>Latency</h2>\n<p>From when a packet was to arrive until its port's driver had it, at "
      "Poisson arrivals of some percent of the worker's maximum. Without what somebody else's use "
      "of the core held up; those are in the JSON.</p>\n<div class='plots'>\n";
  Table table({"path", "load, %", "p50, us", "p90", "p99", "p99.9", "max"}, 1);
  for (const Path& path : kFewPaths) {
    if (const Point* point = results.find(latency_point(path))) {
      text += "<figure>" + plot(*point, path) + "</figure>\n";
      add_rows(&table, *point, path);
    }
  }
  return text + "</div>\n" + table.html();
}

}  // namespace gotthard::perf::report
