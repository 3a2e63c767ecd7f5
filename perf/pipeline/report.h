#pragma once

#include <string>

#include "perf/pipeline/measure.h"

namespace gotthard::perf::pipeline {

[[nodiscard]] std::string json(const Measurement& measurement);
[[nodiscard]] std::string table(const Measurement& measurement);

}  // namespace gotthard::perf::pipeline
