#include "perf/report/command.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "perf/options.h"
#include "perf/report/comparison.h"
#include "perf/report/files.h"
#include "perf/report/grid.h"
#include "perf/report/markdown.h"
#include "perf/report/measure.h"
#include "perf/report/page.h"

namespace gotthard::perf::report {
namespace {

struct Options {
  std::string out;
  bool quick = false;
  unsigned starts = 3;
  double seconds = 1;
  std::string compare;
  std::string from;
  std::string readme;
};

Result<Results> read_results(const std::string& path) {
  const auto text = read_file(path);
  return text ? parse(*text, path) : tl::unexpected(text.error());
}

// What a run needs that may be wrong: found out before minutes were spent on it.
struct Inputs {
  std::optional<Results> from;
  std::optional<Results> compare;
  std::string readme;
};

Result<Inputs> read_inputs(const Options& options) {
  Inputs inputs;
  for (const auto& [path, target] :
       {std::pair{&options.from, &inputs.from}, std::pair{&options.compare, &inputs.compare}}) {
    if (path->empty()) {
      continue;
    }
    auto results = read_results(*path);
    if (!results) {
      return tl::unexpected(results.error());
    }
    *target = std::move(*results);
  }
  if (!options.readme.empty()) {
    auto text = read_file(options.readme);
    if (!text) {
      return tl::unexpected(text.error());
    }
    if (auto fits = replace_section(*text, "", options.readme); !fits) {
      return tl::unexpected(fits.error());
    }
    inputs.readme = std::move(*text);
  }
  return inputs;
}

Results measure_all(const Options& options) {
  Results results{.date = date(),
                  .command = command_line(),
                  .machine = this_machine(),
                  .starts = options.starts,
                  .seconds = options.seconds,
                  .points = {}};
  results.points =
      measure(grid(options.quick, results.machine.cpus), options.starts, options.seconds, stderr);
  return results;
}

Status write_all(const Options& options, const Inputs& inputs, const Results& results) {
  std::optional<Comparison> comparison;
  if (inputs.compare) {
    comparison = compare(*inputs.compare, results);
    std::fputs(text(*comparison).c_str(), stdout);
  }
  const std::string section = markdown(results);
  Status done = write_file(options.out + "/report.json", json(results));
  done = done ? write_file(options.out + "/report.html",
                           page(results, comparison ? &*comparison : nullptr))
              : done;
  done = done ? write_file(options.out + "/report.md", section) : done;
  if (done && !options.readme.empty()) {
    done = write_file(options.readme, *replace_section(inputs.readme, section, options.readme));
  }
  return done;
}

int run(const Options& options) {
  const auto inputs = read_inputs(options);
  if (!inputs) {
    return failed(2, inputs.error().message);
  }
  if (const Status made = make_directory(options.out); !made) {
    return failed(1, made.error().message);
  }
  const Results results = inputs->from ? *inputs->from : measure_all(options);
  if (const Status written = write_all(options, *inputs, results); !written) {
    return failed(1, written.error().message);
  }
  const auto failures = std::count_if(results.points.begin(), results.points.end(),
                                      [](const Point& point) { return point.failed(); });
  if (failures > 0 && !inputs->from) {
    return failed(1, fmt::format("{} of {} points failed: {}/report.html says why", failures,
                                 results.points.size(), options.out));
  }
  return 0;
}

}  // namespace

std::function<int()> add_report(CLI::App* app) {
  auto options = std::make_shared<Options>();
  app->add_option("--out", options->out,
                  "directory for report.html, report.md and report.json; made if need be")
      ->required();
  CLI::Option* quick = app->add_flag("--quick", options->quick, "a few points, to try it out");
  CLI::Option* starts =
      app->add_option("--starts", options->starts, "processes for each point (default 3)")
          ->check(CLI::Range(1U, 99U));
  CLI::Option* seconds =
      app->add_option("--seconds", options->seconds,
                      "how long a pipeline measures, and the others in proportion (default 1)")
          ->check(CLI::Range(0.01, 15.0));
  app->add_option("--compare", options->compare,
                  "an older report.json: what changed by more than the spread of starts");
  app->add_option("--from", options->from, "a report.json to show, instead of measuring")
      ->excludes(quick)
      ->excludes(starts)
      ->excludes(seconds);
  app->add_option("--readme", options->readme,
                  "a file in which the Markdown replaces what is between its two comments");
  return [options] { return run(*options); };
}

}  // namespace gotthard::perf::report
