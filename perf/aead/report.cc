#include "perf/aead/report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace gotthard::perf {
namespace {

nlohmann::ordered_json object(const Measurement& cell) {
  const Scenario& scenario = cell.scenario;
  nlohmann::ordered_json result;
  result["suite"] = suite_name(scenario.suite);
  result["direction"] = direction_name(scenario.direction);
  if (scenario.size) {
    result["size"] = *scenario.size;
  } else {
    result["size"] = "imix";
  }
  result["burst"] = scenario.burst;
  result["sessions"] = scenario.sessions;
  result["working_set"] = working_set_name(scenario.working_set);
  result["backend"] = cell.backend;
  result["baseline"] = crypto::name_of(scenario.baseline);
  result["cycles_per_packet"] = cell.cycles_per_packet;
  result["gbit_per_second"] = cell.gbit_per_second;
  result["baseline_cycles_per_packet"] = cell.baseline_cycles_per_packet;
  result["ratio"] = cell.ratio;
  result["quiet"] = cell.quiet;
  result["tsc_hz"] = static_cast<std::uint64_t>(cell.tsc_hz);
  return result;
}

}  // namespace

std::string json(const std::vector<Measurement>& cells, bool grid) {
  if (!grid) {
    return object(cells.front()).dump() + "\n";
  }
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const Measurement& cell : cells) {
    all.push_back(object(cell));
  }
  return all.dump(1) + "\n";
}

std::string table(const std::vector<Measurement>& cells) {
  std::string text =
      fmt::format("{:<17} {:<4} {:>5} {:>5} {:>8} {:<4} {:<9} {:>8} {:>8} {:>9} {:>6} {:>6}\n",
                  "suite", "", "size", "burst", "sessions", "set", "backend", "cycles", "Gbit/s",
                  "baseline", "ratio", "quiet");
  for (const Measurement& cell : cells) {
    const Scenario& scenario = cell.scenario;
    text += fmt::format(
        "{:<17} {:<4} {:>5} {:>5} {:>8} {:<4} {:<9} {:>8.0f} {:>8.1f} {:>9.0f} {:>6.2f} "
        "{:>5.0f}%\n",
        suite_name(scenario.suite), direction_name(scenario.direction), size_name(scenario),
        scenario.burst, scenario.sessions, working_set_name(scenario.working_set), cell.backend,
        cell.cycles_per_packet, cell.gbit_per_second, cell.baseline_cycles_per_packet, cell.ratio,
        cell.quiet * 100);
  }
  return text;
}

}  // namespace gotthard::perf
