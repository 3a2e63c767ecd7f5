// Another process of this program: each measurement has one of its own, as where memory happens to
// lie is decided at the start and shifts figures by some percent.
#pragma once

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "perf/report/results.h"

namespace gotthard::perf::report {

// Runs /proc/self/exe with `arguments` and --json, waits for it, and gives the object it printed.
// An error says what it wrote to stderr, or how it ended.
[[nodiscard]] Result<nlohmann::ordered_json> run_self(Arguments arguments);

}  // namespace gotthard::perf::report
