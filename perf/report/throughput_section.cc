#include <fmt/format.h>

#include "perf/report/figures.h"
#include "perf/report/grid.h"
#include "perf/report/markup.h"
#include "perf/report/plot.h"
#include "perf/report/sections.h"

namespace gotthard::perf::report {
namespace {

using Ask = Arguments (*)(const Path&, const std::string&, const std::string&);

Arguments ask_pipeline(const Path& path, const std::string& direction, const std::string& size) {
  return pipeline_point(path, direction, size);
}

std::optional<Spread> figure(const Results& results, const Arguments& arguments,
                             const std::string& pointer) {
  const Point* point = results.find(arguments);
  return point == nullptr ? std::nullopt : point->figure(pointer);
}

Series rates(const Results& results, const Path& path, const std::string& direction, Ask ask) {
  Series series;
  for (std::size_t i = 0; i < kSizes.size(); ++i) {
    if (const auto rate = figure(results, ask(path, direction, kSizes[i]), "/gbit_per_second")) {
      series.points.emplace_back(static_cast<double>(i), rate->median);
    }
  }
  return series;
}

std::string plot(const Results& results, const Path& path) {
  LinePlot plot{.title = path.name,
                .x = {.label = "bytes of inner packets", .names = {kSizes.begin(), kSizes.end()}},
                .y = {.label = "Gbit/s of inner bytes", .names = {}},
                .series = {}};
  for (std::size_t i = 0; i < kDirections.size(); ++i) {
    const auto add = [&](Ask ask, const char* what, const char* dashes) {
      Series series = rates(results, path, kDirections[i], ask);
      series.name = fmt::format("{} {}", kDirections[i], what);
      series.colour = static_cast<unsigned>(i);
      series.dashes = dashes;
      plot.series.push_back(std::move(series));
    };
    add(ask_pipeline, "whole path", "");
    add(aead_point, "AEAD alone", "5 4");
  }
  return svg(plot);
}

std::string table(const Results& results) {
  Table table({"path", "direction", "bytes", "cycles a packet", "AEAD", "all else", "Gbit/s",
               "million packets a second", "AEAD alone, cycles", "its Gbit/s"},
              2);
  for (const Path& path : kPaths) {
    for (const char* direction : kDirections) {
      for (const char* size : kSizes) {
        const Arguments asked = pipeline_point(path, direction, size);
        const Point* point = results.find(asked);
        if (point == nullptr) {
          continue;
        }
        const auto of = [&](const char* pointer) { return number(point->figure(pointer)); };
        const Arguments aead = aead_point(path, direction, size);
        auto packets = point->figure("/packets_per_second");
        if (packets) {
          packets->median /= 1e6;
        }
        table.add({path.name, direction, size,
                   point->failed() ? "failed" : of("/cycles_per_packet"),
                   of("/aead_cycles_per_packet"), of("/overhead_cycles_per_packet"),
                   of("/gbit_per_second"), number(packets),
                   number(figure(results, aead, "/cycles_per_packet")),
                   number(figure(results, aead, "/gbit_per_second"))});
      }
    }
  }
  return table.html();
}

}  // namespace

std::string throughput_section(const Results& results) {
  std::string text =
      "<h2>Throughput</h2>\n<p>One worker, bursts of 32, one session, one route, hot buffers, "
      "IPv4 in IPv4. The AEAD alone (dashed) is the ceiling that no path can be above. Buffers are "
      "hot, so the memory beyond the caches limits nothing here; its floor is under "
      "Scaling.</p>\n<div class='plots'>\n";
  for (const Path& path : kPaths) {
    text += "<figure>" + plot(results, path) + "</figure>\n";
  }
  return text +
         "</div>\n<p>Whole path: without source and sink. AEAD: in the same process on the same "
         "packets, in turns with the path. AEAD alone: a process of its own, with texts of the "
         "inner packet's size.</p>\n" +
         table(results);
}

}  // namespace gotthard::perf::report
