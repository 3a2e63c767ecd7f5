// The report as one HTML page that needs nothing else: no script, no file, no network.
#pragma once

#include <string>

#include "perf/report/comparison.h"
#include "perf/report/results.h"

namespace gotthard::perf::report {

// `comparison` may be null. The page is well-formed XML.
[[nodiscard]] std::string page(const Results& results, const Comparison* comparison);

}  // namespace gotthard::perf::report
