// What was asked, beside what came out.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "perf/pipeline/scenario.h"

namespace gotthard::perf::pipeline {

// An object with the options' names; of the traffic alone, and all.
[[nodiscard]] nlohmann::ordered_json describe_traffic(const Scenario& scenario);
[[nodiscard]] nlohmann::ordered_json describe(const Scenario& scenario);
// "wireguard chacha20poly1305 encap, 1420 bytes, IPv4 in IPv4"
[[nodiscard]] std::string traffic_text(const Scenario& scenario);
// "3 sessions, 100 routes"
[[nodiscard]] std::string tunnels_text(const Scenario& scenario);

}  // namespace gotthard::perf::pipeline
