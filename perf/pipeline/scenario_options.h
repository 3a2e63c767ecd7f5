// Options that say what a scenario is, the same of each verb that runs one.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "perf/pipeline/scenario.h"

namespace gotthard::perf::pipeline {

// --protocol, --suite, --direction, --size, --ip, --nat-t.
void add_traffic(CLI::App* app, Scenario* scenario);
// --sessions, --routes.
void add_tunnels(CLI::App* app, Scenario* scenario);
// --seconds, which is `what`.
void add_seconds(CLI::App* app, Scenario* scenario, const std::string& what);

}  // namespace gotthard::perf::pipeline
