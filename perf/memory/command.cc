#include "perf/memory/command.h"

#include <cstdio>
#include <memory>

#include "perf/clock.h"
#include "perf/memory/measure.h"
#include "perf/options.h"

namespace gotthard::perf::memory {
namespace {

struct Options {
  Question question;
  bool json = false;
};

int run(const Options& options) {
  const auto measured = measure(options.question, measure_tsc_hz());
  if (!measured) {
    return failed(1, measured.error().message);
  }
  std::fputs((options.json ? json(*measured) : table(*measured)).c_str(), stdout);
  return 0;
}

}  // namespace

std::function<int()> add_memory(CLI::App* app) {
  auto options = std::make_shared<Options>();
  Question* question = &options->question;
  app->add_option("--size", question->size, "bytes of a packet (default 1420)")
      ->check(CLI::Range(1U, 9000U));
  using Buffers = std::optional<std::uint32_t>;
  choice<Buffers>(app, "--working-set", &question->working_set,
                  {{"hot", std::nullopt}, {"2048", 2048}, {"4096", 4096}, {"8192", 8192}},
                  "packet buffers: hot (default: 32), 2048, 4096 or 8192 in turn");
  app->add_option("--seconds", question->seconds, "how long to measure (default 0.3)")
      ->check(CLI::Range(0.001, 60.0));
  app->add_flag("--json", options->json, "one JSON object instead of a line");
  return [options] { return run(*options); };
}

}  // namespace gotthard::perf::memory
