#include "perf/pipeline/command.h"

#include <cstdio>
#include <memory>

#include "perf/options.h"
#include "perf/pipeline/measure.h"
#include "perf/pipeline/report.h"
#include "perf/pipeline/scenario_options.h"

namespace gotthard::perf::pipeline {
namespace {

struct Options {
  Scenario scenario;
  bool json = false;
};

int run(const Options& options) {
  const auto environment = start_environment();
  if (!environment) {
    return failed(1, environment.error().message);
  }
  if (const Status fits = check(options.scenario, environment->cpus.size()); !fits) {
    return failed(2, fits.error().message);
  }
  const auto measured = measure(options.scenario, *environment);
  if (!measured) {
    return failed(1, measured.error().message);
  }
  std::fputs((options.json ? json(*measured) : table(*measured)).c_str(), stdout);
  return 0;
}

void add_load(CLI::App* app, Scenario* scenario) {
  app->add_option("--burst", scenario->burst, "packets a port hands out at a time (default 32)")
      ->check(CLI::Range(1U, 32U));
  app->add_option("--workers", scenario->workers, "one a CPU (default 1)")
      ->check(CLI::Range(1U, kMostWorkers));
  using Buffers = std::optional<std::uint32_t>;
  choice<Buffers>(app, "--working-set", &scenario->working_set,
                  {{"hot", std::nullopt}, {"2048", 2048}, {"4096", 4096}, {"8192", 8192}},
                  "packet buffers of a worker: hot (default: 32), 2048, 4096 or 8192 in turn");
  app->add_option("--reorder-budget", scenario->reorder_budget,
                  "packets out of order that peers forgive (default 4096); too few for all "
                  "workers: one seals for a session of ESP")
      ->check(CLI::Range(1, 65535));
}

}  // namespace

std::function<int()> add_pipeline(CLI::App* app) {
  auto options = std::make_shared<Options>();
  add_traffic(app, &options->scenario);
  add_tunnels(app, &options->scenario);
  add_load(app, &options->scenario);
  add_seconds(app, &options->scenario, "how long to measure (default 2)");
  app->add_flag("--json", options->json, "one JSON object instead of a table");
  return [options] { return run(*options); };
}

}  // namespace gotthard::perf::pipeline
