#include "perf/scale/command.h"

#include <cstdio>
#include <memory>

#include "perf/clock.h"
#include "perf/options.h"
#include "perf/pipeline/scenario_options.h"
#include "perf/scale/report.h"

namespace gotthard::perf::scale {
namespace {

constexpr std::uint32_t kMostPeers = 10000;

struct Options {
  Bench bench;
  std::vector<std::uint32_t> tunnels;
  bool workers = false;
  bool routes = false;
  std::uint32_t prefixes = 100000;
  bool install = false;
  bool handshakes = false;
  bool rekeys = false;
  std::uint32_t peers = 1000;
  bool json = false;

  [[nodiscard]] bool names_parts() const {
    return !tunnels.empty() || workers || routes || install || handshakes || rekeys;
  }
};

// What is measured goes into `part`.
template <typename Part, typename Value>
Status keep(Part* part, Result<Value> value) {
  if (!value) {
    return tl::unexpected(value.error());
  }
  *part = std::move(*value);
  return {};
}

Status measure(const Options& options, Found* found) {
  const Bench& bench = options.bench;
  Status done;
  if (!options.tunnels.empty()) {
    done = keep(&found->tunnels, measure_tunnels(bench, options.tunnels));
  }
  if (done && options.workers) {
    done = keep(&found->workers, measure_workers(bench));
  }
  if (done && options.routes) {
    done = keep(&found->routes, measure_routes(bench, options.prefixes));
  }
  if (done && options.install) {
    done = keep(&found->install, measure_install(bench));
  }
  if (done && (options.handshakes || options.rekeys)) {
    done = keep(&found->handshakes,
                measure_handshakes(bench, options.peers, options.handshakes, options.rekeys));
  }
  return done;
}

int run(Options options) {
  const auto environment = pipeline::start_environment();
  if (!environment) {
    return failed(1, environment.error().message);
  }
  Bench& bench = options.bench;
  bench.environment = *environment;
  bench.seconds = bench.scenario.seconds;
  const bool two_cpus = environment->cpus.size() > 1;
  if (options.workers && !two_cpus) {
    return failed(2,
                  "--workers needs two CPUs, and this process may run on one: change its affinity "
                  "(taskset), or name other parts");
  }
  if (!options.names_parts()) {
    options.tunnels = {1, 10, 100, 1000, 10000};
    options.workers = two_cpus;
    options.routes = options.install = options.handshakes = options.rekeys = true;
  }
  if (const Status fits = check(bench.scenario, environment->cpus.size()); !fits) {
    return failed(2, fits.error().message);
  }
  bench.tsc_hz = measure_tsc_hz();
  Found found;
  if (const Status done = measure(options, &found); !done) {
    return failed(1, done.error().message);
  }
  std::fputs((options.json ? json(bench, found) : table(bench, found)).c_str(), stdout);
  return 0;
}

}  // namespace

std::function<int()> add_scale(CLI::App* app) {
  auto options = std::make_shared<Options>();
  options->bench.scenario.seconds = 1;
  add_traffic(app, &options->bench.scenario);
  app->add_option("--tunnels", options->tunnels,
                  "rates with so many tunnels, a list (1,10,100,1000,10000)")
      ->delimiter(',')
      ->check(CLI::Range(1U, pipeline::kMostSessions));
  app->add_flag("--workers", options->workers, "two workers on one tunnel and on two");
  app->add_flag("--routes", options->routes, "many routes and allowed IPs, against one");
  app->add_option("--prefixes", options->prefixes, "how many --routes has (default 100000)")
      ->check(CLI::Range(2U, pipeline::kMostRoutes));
  app->add_flag("--install", options->install, "sessions installed a second");
  app->add_flag("--handshakes", options->handshakes,
                "handshakes of WireGuard that control answers, a second and core");
  app->add_flag("--rekeys", options->rekeys,
                "handshakes of WireGuard that control begins, a second and core");
  app->add_option("--peers", options->peers,
                  "that --handshakes and --rekeys are with (default 1000)")
      ->check(CLI::Range(1U, kMostPeers));
  add_seconds(app, &options->bench.scenario,
              "how long each part is measured, or each number of tunnels (default 1)");
  app->add_flag("--json", options->json, "one JSON object instead of a table");
  app->footer("Without --tunnels, --workers, --routes, --install, --handshakes and --rekeys: all.");
  return [options] { return run(*options); };
}

}  // namespace gotthard::perf::scale
