#include "perf/pipeline/report.h"

#include <fmt/format.h>

#include "perf/pipeline/description.h"

namespace gotthard::perf::pipeline {

std::string json(const Measurement& m) {
  nlohmann::ordered_json result = describe(m.scenario);
  result["backend"] = m.backend;
  result["memory"] = m.hugepages ? "hugepages" : "pages";
  result["packets_per_second"] = m.packets_per_second;
  result["gbit_per_second"] = m.gbit_per_second;
  result["cycles_per_packet"] = m.cycles_per_packet;
  result["source_sink_cycles_per_packet"] = m.source_sink_cycles_per_packet;
  result["aead_cycles_per_packet"] = m.aead_cycles_per_packet;
  result["overhead_cycles_per_packet"] = m.overhead_cycles_per_packet;
  result["stages"] = nlohmann::ordered_json::object();
  for (std::size_t i = 0; i < kStageCount; ++i) {
    if (m.stages[i] > 0) {
      result["stages"][std::string(kStageNames[i])] = m.stages[i];
    }
  }
  result["atomics_per_packet"] = m.atomics_per_packet;
  result["quiet_share"] = m.quiet_share;
  result["tsc_hz"] = static_cast<std::uint64_t>(m.tsc_hz);
  return result.dump() + "\n";
}

std::string table(const Measurement& m) {
  const Scenario& scenario = m.scenario;
  std::string text = fmt::format(
      "{}\nbursts of {}, {} worker{}, {}, working set {}; AEAD by {}\n\n", traffic_text(scenario),
      scenario.burst, scenario.workers, scenario.workers == 1 ? "" : "s", tunnels_text(scenario),
      working_set_name(scenario), m.backend);
  const auto row = [&](const char* name, double value, const char* unit) {
    text += fmt::format("{:<22} {:>10.2f} {}\n", name, value, unit);
  };
  row("packets", m.packets_per_second / 1e6, "million a second");
  row("inner bytes", m.gbit_per_second, "Gbit/s");
  row("whole path", m.cycles_per_packet, "cycles a packet");
  row("  AEAD alone", m.aead_cycles_per_packet, "");
  row("  all else", m.overhead_cycles_per_packet, "");
  row("source and sink", m.source_sink_cycles_per_packet, "cycles, taken off");
  row("atomics", m.atomics_per_packet, "a packet");
  row("quiet", m.quiet_share * 100, "% of the chunks");
  row("time stamp counter", m.tsc_hz / 1e6, "MHz");
  text += "\nstages, with timers on:\n";
  for (std::size_t i = 0; i < kStageCount; ++i) {
    if (m.stages[i] > 0) {
      row(fmt::format("  {}", kStageNames[i]).c_str(), m.stages[i], "");
    }
  }
  return text;
}

}  // namespace gotthard::perf::pipeline
