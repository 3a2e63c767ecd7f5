#include "perf/pipeline/description.h"

#include <fmt/format.h>

namespace gotthard::perf::pipeline {

nlohmann::ordered_json describe_traffic(const Scenario& scenario) {
  nlohmann::ordered_json result;
  result["protocol"] = protocol_name(scenario.protocol);
  result["suite"] = suite_name(scenario.suite());
  result["direction"] = direction_name(scenario.direction);
  if (scenario.size) {
    result["size"] = *scenario.size;
  } else {
    result["size"] = "imix";
  }
  result["ip"] = ip_name(scenario);
  result["nat_t"] = scenario.nat_t;
  return result;
}

nlohmann::ordered_json describe(const Scenario& scenario) {
  nlohmann::ordered_json result = describe_traffic(scenario);
  result["burst"] = scenario.burst;
  result["workers"] = scenario.workers;
  result["sessions"] = scenario.sessions;
  result["routes"] = scenario.prefixes();
  if (scenario.working_set) {
    result["working_set"] = *scenario.working_set;
  } else {
    result["working_set"] = "hot";
  }
  result["reorder_budget"] = scenario.reorder_budget;
  return result;
}

std::string traffic_text(const Scenario& scenario) {
  return fmt::format("{} {} {}, {} bytes, IPv{} in IPv{}{}", protocol_name(scenario.protocol),
                     suite_name(scenario.suite()), direction_name(scenario.direction),
                     size_name(scenario), ip_name(scenario)[0], ip_name(scenario)[1],
                     scenario.nat_t ? ", in UDP" : "");
}

std::string tunnels_text(const Scenario& scenario) {
  return fmt::format("{} session{}, {} route{}", scenario.sessions,
                     scenario.sessions == 1 ? "" : "s", scenario.prefixes(),
                     scenario.prefixes() == 1 ? "" : "s");
}

}  // namespace gotthard::perf::pipeline
