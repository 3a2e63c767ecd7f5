#include "perf/aead/command.h"

#include <cstdio>
#include <fstream>
#include <memory>

#include "crypto/aead_key.h"
#include "crypto/init.h"
#include "perf/aead/report.h"
#include "perf/clock.h"
#include "perf/options.h"

namespace gotthard::perf {
namespace {

using crypto::Backend;
using crypto::Suite;

constexpr double kSeconds = 0.4;      // one cell
constexpr double kGridSeconds = 0.2;  // one of many

struct Options {
  Scenario scenario;
  bool json = false;
  bool all = false;
  std::string svg;
};

int run(const Options& options) {
  if (const Status ready = crypto::init(); !ready) {
    return failed(1, ready.error().message);
  }
  const double tsc_hz = measure_tsc_hz();
  const std::vector<Scenario> scenarios =
      options.all ? grid(options.scenario) : std::vector{options.scenario};
  std::vector<Measurement> cells;
  for (const Scenario& scenario : scenarios) {
    auto cell = measure(scenario, tsc_hz, options.all ? kGridSeconds : kSeconds);
    if (!cell) {
      return failed(1, cell.error().message);
    }
    cells.push_back(std::move(*cell));
  }
  std::fputs((options.json ? json(cells, options.all) : table(cells)).c_str(), stdout);
  if (!options.svg.empty()) {
    std::ofstream file(options.svg);
    file << svg(cells);
    file.close();
    if (!file) {
      return failed(1, "cannot write " + options.svg);
    }
  }
  return 0;
}

// "imix" is none.
void set_size(Scenario* scenario, const std::string& text) {
  scenario->size.reset();
  if (text != "imix") {
    scenario->size = static_cast<std::uint32_t>(std::stoul(text));
  }
}

std::string check_size(const std::string& text) {
  return text == "imix" ? std::string()
                        : CLI::Range(0U, static_cast<std::uint32_t>(crypto::kMaxText))(text);
}

}  // namespace

std::function<int()> add_aead(CLI::App* app) {
  auto options = std::make_shared<Options>();
  Scenario* scenario = &options->scenario;
  std::vector<std::pair<std::string, Backend>> backends;
  for (const char* name : crypto::kBackendNames) {
    backends.emplace_back(name, *crypto::backend_named(name));
  }
  choice<Suite>(app, "--suite", &scenario->suite,
                {{"chacha20poly1305", Suite::chacha20_poly1305},
                 {"aes128gcm", Suite::aes128_gcm},
                 {"aes256gcm", Suite::aes256_gcm}},
                "chacha20poly1305 (default), aes128gcm or aes256gcm");
  choice<Direction>(app, "--direction", &scenario->direction,
                    {{"seal", Direction::seal}, {"open", Direction::open}},
                    "seal (default) or open");
  app->add_option_function<std::string>(
         "--size", [scenario](const std::string& text) { set_size(scenario, text); },
         "bytes of text, or imix: 7 x 64, 4 x 576, 1 x 1420 (default 1420)")
      ->check(CLI::Validator(check_size, "BYTES|imix"));
  app->add_option("--burst", scenario->burst, "packets a call (default 32)")
      ->check(CLI::Range(std::size_t{1}, crypto::kMaxBatch));
  app->add_option("--sessions", scenario->sessions, "keys, mixed within a burst (default 1)")
      ->check(CLI::Range(1, 4096));
  choice<Backend>(app, "--backend", &scenario->backend, backends,
                  "what is measured (default auto)");
  choice<Backend>(app, "--baseline", &scenario->baseline, backends,
                  "what it is compared with (default ipsec_mb)");
  choice<WorkingSet>(app, "--working-set", &scenario->working_set,
                     {{"hot", WorkingSet::hot}, {"cold", WorkingSet::cold}},
                     "the same 32 buffers (hot, default) or 4096 in turn (cold)");
  app->add_flag("--json", options->json, "one JSON object instead of a table; with --all an array");
  CLI::Option* all =
      app->add_flag("--all", options->all,
                    "every suite, direction, size and working set, with 1 and 32 sessions");
  app->add_option("--svg", options->svg, "with --all: the ratios as a plot")->needs(all);
  return [options] { return run(*options); };
}

}  // namespace gotthard::perf
