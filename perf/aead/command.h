// `gotthard-perf aead`.
#pragma once

#include <CLI/CLI.hpp>

namespace gotthard::perf {

// Declares the verb; what it returns runs it and gives the exit status.
std::function<int()> add_aead(CLI::App* app);

}  // namespace gotthard::perf
