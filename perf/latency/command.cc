#include "perf/latency/command.h"

#include <cstdio>
#include <memory>

#include "perf/latency/measure.h"
#include "perf/latency/report.h"
#include "perf/options.h"
#include "perf/pipeline/scenario_options.h"

namespace gotthard::perf::latency {
namespace {

// An open loop cannot have the same few buffers again and again: some wait.
constexpr std::uint32_t kBuffers = 2048;

struct Options {
  Question question;
  bool json = false;
};

int run(const Options& options) {
  const auto environment = pipeline::start_environment();
  if (!environment) {
    return failed(1, environment.error().message);
  }
  const pipeline::Scenario& scenario = options.question.scenario;
  if (const Status fits = check(scenario, environment->cpus.size()); !fits) {
    return failed(2, fits.error().message);
  }
  const auto measured = measure(options.question, *environment);
  if (!measured) {
    return failed(1, measured.error().message);
  }
  std::fputs((options.json ? json(*measured) : table(*measured)).c_str(), stdout);
  return 0;
}

}  // namespace

std::function<int()> add_latency(CLI::App* app) {
  auto options = std::make_shared<Options>();
  pipeline::Scenario* scenario = &options->question.scenario;
  scenario->working_set = kBuffers;
  scenario->seconds = 4;
  add_traffic(app, scenario);
  add_tunnels(app, scenario);
  add_seconds(app, scenario, "how long to measure, all loads together (default 4)");
  app->add_option("--load", options->question.loads,
                  "percent of the maximum, a list (default 10,50,90)")
      ->delimiter(',')
      ->check(CLI::Range(1.0, 99.0));
  choice<Spacing>(app, "--spacing", &options->question.spacing,
                  {{"poisson", Spacing::poisson}, {"even", Spacing::even}},
                  "of arrivals: poisson (default) or even");
  app->add_flag("--json", options->json, "one JSON object instead of a table");
  return [options] { return run(*options); };
}

}  // namespace gotthard::perf::latency
