// The report's figures for README, between two comments that say where they begin and end.
#pragma once

#include <string>

#include "base/result.h"
#include "perf/report/results.h"

namespace gotthard::perf::report {

inline constexpr const char* kBegin = "<!-- performance: begin -->";
inline constexpr const char* kEnd = "<!-- performance: end -->";

// Both comments and what is between them.
[[nodiscard]] std::string markdown(const Results& results);

// `text` with what stands from kBegin to kEnd replaced by `section`. An error when not each of
// them stands there once, in this order; `name` is what it calls the text.
[[nodiscard]] Result<std::string> replace_section(const std::string& text,
                                                  const std::string& section,
                                                  const std::string& name);

}  // namespace gotthard::perf::report
