// `gotthard-perf report`.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace gotthard::perf::report {

// Declares the verb; what it returns runs it and gives the exit status: 0 done, 1 a point failed
// or a file cannot be written, 2 a wrong call or a file that is not what it should be.
std::function<int()> add_report(CLI::App* app);

}  // namespace gotthard::perf::report
