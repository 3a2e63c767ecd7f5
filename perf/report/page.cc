#include "perf/report/page.h"

#include <fmt/format.h>

#include <array>

#include "perf/report/markup.h"
#include "perf/report/plot.h"
#include "perf/report/sections.h"

namespace gotthard::perf::report {
namespace {

constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --text: #222; --back: #fff; --faint: #ddd; }
@media (prefers-color-scheme: dark) { :root { --text: #ddd; --back: #181a1b; --faint: #3a3d3f; } }
body { font: 16px/1.5 sans-serif; color: var(--text); background: var(--back);
  max-width: 1100px; margin: 0 auto; padding: 1em; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(400px, 100%), 1fr));
  gap: 1em; }
figure { margin: 0; }
figure.wide { overflow-x: auto; }
figure.wide svg { min-width: 640px; }
svg { width: 100%; height: auto; font: 12px sans-serif; }
svg text { fill: var(--text); }
svg text.title { font-weight: bold; font-size: 14px; }
svg .grid { stroke: var(--faint); }
svg .line { fill: none; stroke-width: 2; }
.table { overflow-x: auto; margin: 1em 0; }
table { border-collapse: collapse; font-size: 14px; }
th, td { text-align: right; padding: 0.2em 0.7em; border-bottom: 1px solid var(--faint); }
th.word, td.word { text-align: left; }
)";

// Told apart by people who do not see all colours, on white and on black.
constexpr std::array<const char*, kColours> kPalette{"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                     "#e69f00", "#56b4e9", "#8c6d31", "#7b61c4",
                                                     "#a0a000", "#888888"};

std::string colours() {
  std::string text;
  for (std::size_t i = 0; i < kPalette.size(); ++i) {
    text += fmt::format(".l{0} {{ stroke: {1}; }} .f{0} {{ fill: {1}; }}\n", i, kPalette[i]);
  }
  return text;
}

std::string machine_table(const Results& results) {
  const Machine& machine = results.machine;
  Table table({"this report", ""}, 2);
  table.add({"date", results.date});
  table.add({"command", results.command});
  table.add({"CPU", machine.cpu});
  table.add({"CPUs it may run on", fmt::format("{}", machine.cpus)});
  table.add({"flags of the CPU", machine.flags});
  table.add({"kernel", machine.kernel});
  table.add({"compiler", machine.compiler});
  table.add({"hugepages", machine.hugepages});
  table.add({"AEAD by", results.said("backend")});
  table.add({"memory of the runs", results.said("memory")});
  table.add({"starts of each point", fmt::format("{}", results.starts)});
  table.add({"seconds of a pipeline's", fmt::format("{:g}", results.seconds)});
  return table.html();
}

}  // namespace

std::string page(const Results& results, const Comparison* comparison) {
  return fmt::format(
             "<!DOCTYPE html>\n<html xmlns='http://www.w3.org/1999/xhtml' lang='en'>\n<head>\n"
             "<meta charset='utf-8'/>\n<meta name='viewport' content='width=device-width'/>\n"
             "<title>Gotthard on {}</title>\n<style>{}{}</style>\n</head>\n<body>\n"
             "<h1>What Gotthard carries</h1>\n",
             escape(results.machine.cpu), kStyle, colours()) +
         machine_table(results) +
         "<p>Cycles are ticks of the time stamp counter. Figures are medians over starts, each a "
         "process of its own; lines and bars say their values when pointed at.</p>\n" +
         (comparison == nullptr ? "" : comparison_section(*comparison)) +
         throughput_section(results) + stages_section(results) + scaling_section(results) +
         latency_section(results) + points_section(results) + "</body>\n</html>\n";
}

}  // namespace gotthard::perf::report
