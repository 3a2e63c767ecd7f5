// Whole files.
#pragma once

#include <string>

#include "base/result.h"

namespace gotthard::perf::report {

// Errors name the file and why.
[[nodiscard]] Result<std::string> read_file(const std::string& path);
[[nodiscard]] Status write_file(const std::string& path, const std::string& text);
// With those above it; it may be there.
[[nodiscard]] Status make_directory(const std::string& path);

}  // namespace gotthard::perf::report
