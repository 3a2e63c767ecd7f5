// `gotthard-perf memory`.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace gotthard::perf::memory {

// Declares the verb; what it returns runs it and gives the exit status.
std::function<int()> add_memory(CLI::App* app);

}  // namespace gotthard::perf::memory
