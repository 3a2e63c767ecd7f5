#include "perf/latency/report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "perf/pipeline/description.h"

namespace gotthard::perf::latency {
namespace {

using nlohmann::ordered_json;

const char* spacing_name(Spacing spacing) { return spacing == Spacing::even ? "even" : "poisson"; }

// Null of none: no packet's time is no time.
ordered_json times(const Histogram& histogram, double tsc_hz) {
  if (histogram.count() == 0) {
    return nullptr;
  }
  const auto us = [&](auto ticks) { return static_cast<double>(ticks) * 1e6 / tsc_hz; };
  ordered_json result;
  result["packets"] = histogram.count();
  result["mean_us"] = us(histogram.mean());
  result["p50_us"] = us(histogram.percentile(0.5));
  result["p90_us"] = us(histogram.percentile(0.9));
  result["p99_us"] = us(histogram.percentile(0.99));
  result["p99_9_us"] = us(histogram.percentile(0.999));
  result["max_us"] = us(histogram.max());
  result["ccdf"] = ordered_json::array();
  for (const Histogram::Point& point : histogram.ccdf()) {
    result["ccdf"].push_back({us(point.value), point.above});
  }
  return result;
}

std::string row(const std::string& name, const Histogram& histogram, double tsc_hz) {
  if (histogram.count() == 0) {
    return fmt::format("{:<20} {:>9} {:>9} {:>9} {:>9} {:>9} {:>10}\n", name, "-", "-", "-", "-",
                       "-", 0);
  }
  const auto us = [&](auto ticks) { return static_cast<double>(ticks) * 1e6 / tsc_hz; };
  return fmt::format("{:<20} {:>9.2f} {:>9.2f} {:>9.2f} {:>9.2f} {:>9.2f} {:>10}\n", name,
                     us(histogram.mean()), us(histogram.percentile(0.5)),
                     us(histogram.percentile(0.99)), us(histogram.percentile(0.999)),
                     us(histogram.max()), histogram.count());
}

}  // namespace

std::string json(const Measurement& m) {
  ordered_json result = pipeline::describe(m.question.scenario);
  result["spacing"] = spacing_name(m.question.spacing);
  result["backend"] = m.backend;
  result["memory"] = m.hugepages ? "hugepages" : "pages";
  result["maximum_packets_per_second"] = m.packets_per_second;
  result["maximum_gbit_per_second"] = m.gbit_per_second;
  result["maximum_quiet_share"] = m.quiet_share;
  result["loads"] = ordered_json::array();
  for (const Load& load : m.loads) {
    ordered_json one;
    one["load_percent"] = load.percent;
    one["offered_packets_per_second"] = load.packets_per_second;
    one["intervals"] = load.intervals;
    one["disturbed_intervals"] = load.disturbed_intervals;
    one["stolen_intervals"] = load.stolen_intervals;
    one["lost_in_line"] = load.lost;
    one["undisturbed"] = times(load.undisturbed, m.tsc_hz);
    one["all"] = times(load.all, m.tsc_hz);
    result["loads"].push_back(std::move(one));
  }
  result["tsc_hz"] = static_cast<std::uint64_t>(m.tsc_hz);
  return result.dump() + "\n";
}

std::string table(const Measurement& m) {
  const pipeline::Scenario& scenario = m.question.scenario;
  std::string text = fmt::format(
      "{}\n{}, {} arrivals; AEAD by {}\n"
      "maximum {:.2f} million packets a second, {:.2f} Gbit/s ({:.0f} % of the time "
      "undisturbed)\n\n"
      "{:<20} {:>9} {:>9} {:>9} {:>9} {:>9} {:>10}\n",
      pipeline::traffic_text(scenario), pipeline::tunnels_text(scenario),
      spacing_name(m.question.spacing), m.backend, m.packets_per_second / 1e6, m.gbit_per_second,
      m.quiet_share * 100, "microseconds", "mean", "p50", "p99", "p99.9", "max", "packets");
  for (const Load& load : m.loads) {
    text += row(fmt::format("{:g} %, undisturbed", load.percent), load.undisturbed, m.tsc_hz);
    text += row("  with disturbances", load.all, m.tsc_hz);
    text += fmt::format(
        "  {} of {} intervals disturbed, in {} the CPU was stolen; {} packets lost in line\n",
        load.disturbed_intervals, load.intervals, load.stolen_intervals, load.lost);
  }
  return text;
}

}  // namespace gotthard::perf::latency
