#include <fmt/format.h>

#include "perf/report/figures.h"
#include "perf/report/grid.h"
#include "perf/report/markup.h"
#include "perf/report/plot.h"
#include "perf/report/sections.h"

namespace gotthard::perf::report {
namespace {

// Cycles of a packet by working set; `ask` says the point.
template <typename Ask>
Series over_working_sets(const Results& results, std::string name, std::size_t colour, Ask ask) {
  Series series{
      .name = std::move(name), .colour = static_cast<unsigned>(colour), .dashes = {}, .points = {}};
  for (std::size_t i = 0; i < kWorkingSets.size(); ++i) {
    const Point* point = results.find(ask(kWorkingSets[i]));
    const auto cycles = point == nullptr ? std::nullopt : point->figure("/cycles_per_packet");
    if (cycles) {
      series.points.emplace_back(static_cast<double>(i), cycles->median);
    }
  }
  return series;
}

std::string working_sets(const Results& results) {
  LinePlot plot{
      .title = "Working sets, 1420 bytes",
      .x = {.label = "packet buffers in turn", .names = {kWorkingSets.begin(), kWorkingSets.end()}},
      .y = {.label = "cycles a packet", .names = {}},
      .series = {}};
  for (const Path& path : kFewPaths) {
    for (const char* direction : kDirections) {
      plot.series.push_back(over_working_sets(
          results, fmt::format("{} {}", path.name, direction), plot.series.size(),
          [&](const char* set) { return pipeline_point(path, direction, "1420", set); }));
    }
  }
  plot.series.push_back(
      over_working_sets(results, "memory alone", plot.series.size(), memory_point));
  plot.series.back().dashes = "5 4";
  return svg(plot);
}

std::string tunnels(const Results& results) {
  LinePlot plot{.title = "Tunnels in turn, 1420 bytes",
                .x = {.label = "tunnels", .logarithmic = true, .names = {}},
                .y = {.label = "% of one tunnel's rate", .names = {}},
                .series = {}};
  for (const Path& path : kFewPaths) {
    Series series{.name = path.name,
                  .colour = static_cast<unsigned>(plot.series.size()),
                  .dashes = {},
                  .points = {}};
    const Point* point = results.find(tunnels_point(path));
    const std::size_t rows = point == nullptr ? 0 : point->part("tunnels").size();
    for (std::size_t i = 0; i < rows; ++i) {
      const auto count = point->figure(fmt::format("/tunnels/{}/tunnels", i));
      const auto rate = point->figure(fmt::format("/tunnels/{}/relative_rate", i));
      if (count && rate) {
        series.points.emplace_back(count->median, rate->median * 100);
      }
    }
    plot.series.push_back(std::move(series));
  }
  return svg(plot);
}

std::string workers(const Results& results) {
  Table table({"path", "register-only loop, two CPUs to one", "one tunnel, two workers to one",
               "two tunnels, two workers to one", "one tunnel to two tunnels"},
              1);
  for (const Path& path : kFewPaths) {
    const Point* point = results.find(workers_point(path));
    if (point == nullptr) {
      continue;
    }
    const auto of = [&](const char* name) {
      return number(point->figure(fmt::format("/workers/all/{}", name)));
    };
    table.add({path.name, point->failed() ? "failed" : of("control"),
               of("one_tunnel_to_one_worker"), of("two_tunnels_to_one_worker"),
               of("one_tunnel_to_two_tunnels")});
  }
  return table.empty() ? "" : "<h3>Two workers</h3>\n" + table.html();
}

}  // namespace

std::string scaling_section(const Results& results) {
  return "<h2>Scaling</h2>\n<p>More packet buffers than the caches hold make a worker wait for "
         "memory. The memory alone (dashed) is the floor that no path can be below: each line of a "
         "packet is read and written once, and nothing is done with it. Tunnels whose packets take "
         "turns make a worker fetch keys and windows.</p>\n<div "
         "class='plots'>\n<figure>" +
         working_sets(results) + "</figure>\n<figure>" + tunnels(results) + "</figure>\n</div>\n" +
         workers(results);
}

}  // namespace gotthard::perf::report
