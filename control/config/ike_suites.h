// Between what IKE negotiates for ESP and the data plane's suites.
#pragma once

#include <optional>
#include <vector>

#include "control/config/config.h"
#include "control/ike/proposal/suite.h"

namespace gotthard::config {

// Nothing: the data plane has no such suite.
[[nodiscard]] std::optional<EspSuite> esp_suite_of(const ike::EspSuite& negotiated);
// What a child's SAs may come to be.
[[nodiscard]] std::vector<EspSuite> suites_of(const Connection& connection, const Child& child);

}  // namespace gotthard::config
