#include "perf/report/markdown.h"

#include <fmt/format.h>

#include <array>

#include "perf/report/figures.h"
#include "perf/report/grid.h"

namespace gotthard::perf::report {
namespace {

constexpr std::array kColumns{"64", "512", "1420"};

// "170 (88 + 82)"
std::string cell(const Point* point) {
  if (point == nullptr) {
    return "-";
  }
  if (point->failed()) {
    return "failed";
  }
  const auto of = [&](const char* pointer) -> std::string {
    const auto cycles = point->figure(pointer);
    return cycles ? fmt::format("{:.0f}", cycles->median) : "-";
  };
  return fmt::format("{} ({} + {})", of("/cycles_per_packet"), of("/aead_cycles_per_packet"),
                     of("/overhead_cycles_per_packet"));
}

bool once(const std::string& text, const std::string& what) {
  const std::size_t first = text.find(what);
  return first != std::string::npos && text.find(what, first + 1) == std::string::npos;
}

}  // namespace

std::string markdown(const Results& results) {
  std::string text = fmt::format(
      "{}\nCycles of the time stamp counter a packet, by size of inner packets: the worker's whole "
      "path (AEAD + all else, a median each), one worker, bursts of 32, hot, one session, one "
      "route, IPv4.\n"
      "{}, {}; AEAD by {}, memory in {}; medians of {} starts; `{}`.\n\n| path |",
      kBegin, results.date.substr(0, 10), results.machine.cpu, results.said("backend"),
      results.said("memory"), results.starts, results.command);
  for (const char* size : kColumns) {
    text += fmt::format(" {} B |", size);
  }
  text += "\n|---|---|---|---|\n";
  for (const Path& path : kPaths) {
    for (const char* direction : kDirections) {
      text += fmt::format("| {} {} |", path.name, direction);
      for (const char* size : kColumns) {
        text += fmt::format(" {} |", cell(results.find(pipeline_point(path, direction, size))));
      }
      text += "\n";
    }
  }
  return text + kEnd + "\n";
}

Result<std::string> replace_section(const std::string& text, const std::string& section,
                                    const std::string& name) {
  const std::size_t begin = text.find(kBegin);
  const std::size_t end = text.find(kEnd);
  if (!once(text, kBegin) || !once(text, kEnd) || end < begin) {
    return fail(
        "{} does not have the lines {} and {} once each, in this order: write them where "
        "the figures belong",
        name, kBegin, kEnd);
  }
  const std::string after = text.substr(end + std::string(kEnd).size());
  const bool has_newline = section.ends_with('\n') && after.starts_with('\n');
  return text.substr(0, begin) + section + (has_newline ? after.substr(1) : after);
}

}  // namespace gotthard::perf::report
