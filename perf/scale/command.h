// `gotthard-perf scale`.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace gotthard::perf::scale {

// Declares the verb; what it returns runs it and gives the exit status.
std::function<int()> add_scale(CLI::App* app);

}  // namespace gotthard::perf::scale
