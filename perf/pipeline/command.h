// `gotthard-perf pipeline`.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace gotthard::perf::pipeline {

// Declares the verb; what it returns runs it and gives the exit status.
std::function<int()> add_pipeline(CLI::App* app);

}  // namespace gotthard::perf::pipeline
