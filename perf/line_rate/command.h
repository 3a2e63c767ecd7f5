// `gotthard-perf line-rate`.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace gotthard::perf::line_rate {

// Declares the verb; what it returns runs it and gives the exit status.
std::function<int()> add_line_rate(CLI::App* app);

}  // namespace gotthard::perf::line_rate
