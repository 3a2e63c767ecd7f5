#include <fmt/format.h>

#include "perf/report/grid.h"
#include "perf/report/plot.h"
#include "perf/report/sections.h"

namespace gotthard::perf::report {
namespace {

Bar bar_of(const Point& point, const std::string& name) {
  Bar bar{.name = name, .parts = {}};
  for (const auto& [stage, unused] : point.part("stages").items()) {
    if (const auto cycles = point.figure("/stages/" + stage)) {
      // Of encap and decap alike, so that it has one colour.
      const bool aead = stage.ends_with("_encap") || stage.ends_with("_decap");
      bar.parts.emplace_back(aead ? "seal or open" : stage, cycles->median);
    }
  }
  return bar;
}

}  // namespace

std::string stages_section(const Results& results) {
  std::string text =
      "<h2>Stages</h2>\n<p>A run of its own with a timer around each stage, which the sums "
      "include. The stage that seals or opens has the AEAD and the headers.</p>\n";
  for (const char* size : {"64", "1420"}) {
    BarPlot plot{.title = fmt::format("{} bytes", size), .unit = "cycles a packet", .bars = {}};
    for (const Path& path : kPaths) {
      for (const char* direction : kDirections) {
        const Point* point = results.find(pipeline_point(path, direction, size));
        if (point != nullptr && !point->failed()) {
          plot.bars.push_back(bar_of(*point, fmt::format("{} {}", path.name, direction)));
        }
      }
    }
    text += "<figure class='wide'>" + svg(plot) + "</figure>\n";
  }
  return text;
}

}  // namespace gotthard::perf::report
