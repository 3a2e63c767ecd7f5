// `gotthard-perf latency`.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace gotthard::perf::latency {

// Declares the verb; what it returns runs it and gives the exit status.
std::function<int()> add_latency(CLI::App* app);

}  // namespace gotthard::perf::latency
