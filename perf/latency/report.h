#pragma once

#include <string>

#include "perf/latency/measure.h"

namespace gotthard::perf::latency {

[[nodiscard]] std::string json(const Measurement& measurement);
[[nodiscard]] std::string table(const Measurement& measurement);

}  // namespace gotthard::perf::latency
