#include "perf/line_rate/command.h"

#include <unistd.h>

#include <cstdio>
#include <memory>

#include "perf/line_rate/measure.h"
#include "perf/line_rate/report.h"
#include "perf/options.h"

namespace gotthard::perf::line_rate {
namespace {

// What an option says goes before what the file says.
struct Options {
  std::string file;
  bool json = false;
  std::optional<double> seconds, precision, min_rate, max_rate;
  std::optional<unsigned> repeat, workers;
  std::vector<double> loss_ratios;
  std::vector<std::string> sizes;
  std::optional<Directions> directions;
};

int failed(int status, const std::string& why) {
  std::fprintf(stderr, "gotthard-perf: %s\n", why.c_str());
  return status;
}

template <typename To, typename From>
void override_by(To* to, const std::optional<From>& from) {
  if (from) {
    *to = *from;
  }
}

Status apply(const Options& options, Settings* settings) {
  TrialSettings& trial = settings->trial;
  override_by(&trial.seconds, options.seconds);
  override_by(&trial.precision, options.precision);
  override_by(&trial.min_rate, options.min_rate);
  override_by(&trial.max_rate, options.max_rate);
  override_by(&trial.repeat, options.repeat);
  override_by(&trial.directions, options.directions);
  if (options.workers) {
    settings->generator = {.workers = options.workers, .hugepages = settings->generator.hugepages};
  }
  if (!options.loss_ratios.empty()) {
    trial.loss_ratios = options.loss_ratios;
  }
  if (!options.sizes.empty()) {
    trial.sizes.clear();
    for (const std::string& text : options.sizes) {
      const auto size = parse_size(text);
      if (!size) {
        return fail("--sizes: {}", size.error().message);
      }
      trial.sizes.push_back(*size);
    }
  }
  return check(settings);
}

// On a terminal: a run takes minutes.
void show(const FrameSize& size, const Trial& trial) {
  if (isatty(STDERR_FILENO) != 0) {
    std::fprintf(stderr, "\r\033[K%s bytes: %.4f million packets a second and direction, %.2f s",
                 size.name().c_str(), trial.rate / 1e6, trial.seconds);
  }
}

void clear_line() {
  if (isatty(STDERR_FILENO) != 0) {
    std::fputs("\r\033[K", stderr);
  }
}

int run(const Options& options) {
  auto settings = load_settings(options.file);
  if (!settings) {
    return failed(2, settings.error().message);
  }
  if (const Status fits = apply(options, &*settings); !fits) {
    return failed(2, fits.error().message);
  }
  const auto generator = Generator::create(*settings);
  if (!generator) {
    return failed(1, generator.error().message);
  }
  const auto measured = measure(*settings, generator->get(), show);
  clear_line();
  if (!measured) {
    return failed(1, measured.error().message);
  }
  for (const std::string& warning : measured->warnings) {
    std::fprintf(stderr, "gotthard-perf: warning: %s\n", warning.c_str());
  }
  std::fputs((options.json ? json(*measured, **generator) : table(*measured, **generator)).c_str(),
             stdout);
  return 0;
}

}  // namespace

std::function<int()> add_line_rate(CLI::App* app) {
  auto options = std::make_shared<Options>();
  app->add_option("config", options->file, "file with [[port]], [[flow]], [trial], [generator]")
      ->required();
  app->add_option("--seconds", options->seconds, "of trials that count in the end (default 5)")
      ->check(CLI::Range(kLeastSeconds, kMostSeconds));
  app->add_option("--sizes", options->sizes,
                  "of frames, with Ethernet header and frame check sequence: 64,512,imix (28 x 64, "
                  "16 x 570, 4 x 1518)")
      ->delimiter(',');
  app->add_option("--loss-ratios", options->loss_ratios, "to find the load for (default 0,0.005)")
      ->delimiter(',')
      ->check(CLI::Range(0.0, 0.5));
  app->add_option("--precision", options->precision,
                  "width of what is found, as a part of it (default 0.01)")
      ->check(CLI::Range(kLeastPrecision, kMostPrecision));
  app->add_option("--min-rate", options->min_rate,
                  "frames a second and direction, below which nothing is tried (default 1000)")
      ->check(CLI::Range(1.0, kMostRate));
  app->add_option("--max-rate", options->max_rate,
                  "the same, above (default: what the ports' links carry)")
      ->check(CLI::Range(1.0, kMostRate));
  app->add_option("--repeat", options->repeat,
                  "trials at a load whose majority decides (default 1)")
      ->check(CLI::Range(1U, 99U));
  app->add_option("--workers", options->workers, "threads that send and receive (default 1)")
      ->check(CLI::Range(1U, 64U));
  using Way = std::optional<Directions>;
  choice<Way>(
      app, "--directions", &options->directions,
      {{"both", Directions::both}, {"forward", Directions::forward}, {"back", Directions::back}},
      "both (default), forward (from a flow's `from` to its `to`), back");
  app->add_flag("--json", options->json, "one JSON object instead of a table");
  return [options] { return run(*options); };
}

}  // namespace gotthard::perf::line_rate
