// Times each AEAD backend of this machine with secrets of two classes, dudect's way, and says
// whether the times tell the classes apart. Before and after it looks for leaks that are there: a
// run that does not find them, or finds one where there is none, is void.
//   timing_test [--seconds N] [--seed N] [--only TEXT]
// Status 0: nothing found, 1: a leak, 77: void, 2: a wrong call.
#include <fmt/core.h>

#include <charconv>
#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/aead.h"
#include "crypto/backend.h"
#include "crypto/init.h"
#include "tests/constant_time/aead_experiment.h"
#include "tests/constant_time/comparison_experiment.h"
#include "tests/constant_time/controls.h"
#include "tests/constant_time/experiment.h"

namespace gotthard::constant_time {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kLeak = 1;
constexpr int kWrongCall = 2;
constexpr int kVoid = 77;
// A round of fewer says nothing.
constexpr std::size_t kLeastCalls = 500;
// Times as long as others' are the rounds of controls: the verdict on all hangs on them.
constexpr double kControl = 2;

struct Options {
  double seconds = 40;
  std::uint64_t seed = std::random_device{}();
  std::string only;
};

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto end = text.data() + text.size();
  const auto [place, error] = std::from_chars(text.data(), end, value);
  return error == std::errc{} && place == end ? std::optional(value) : std::nullopt;
}

std::optional<Options> parse(const std::vector<std::string_view>& words) {
  Options options;
  for (std::size_t i = 0; i < words.size(); i += 2) {
    if (i + 1 == words.size()) {
      return {};
    }
    const auto value = number(words[i + 1]);
    if (words[i] == "--only") {
      options.only = words[i + 1];
    } else if (words[i] == "--seconds" && value && *value > 0) {
      options.seconds = static_cast<double>(*value);
    } else if (words[i] == "--seed" && value) {
      options.seed = *value;
    } else {
      return {};
    }
  }
  return options;
}

// `wanted`: rounds that are enough to believe that nothing is there.
std::vector<Round> run_rounds(const Experiment& experiment, std::size_t wanted, Random& random,
                              double seconds) {
  std::vector<Round> rounds;
  while (rounds.size() < wanted || (rounds.size() < kRounds && differ(rounds))) {
    rounds.push_back(run_round(experiment, random, seconds));
  }
  return rounds;
}

bool says_so(std::span<const Round> rounds) { return rounds.size() >= kRounds && differ(rounds); }

void print(std::string_view verdict, const Experiment& experiment, std::span<const Round> rounds) {
  const Comparison& last = rounds.back().comparison;
  fmt::print("{:4}  {:<70} t {:7.1f}, {} x {} calls of {:.0f} cycles, {:.1f} would be seen\n",
             verdict, experiment.name, strongest(rounds), rounds.size(), rounds.back().calls,
             last.median, last.seen);
  std::fflush(stdout);
}

// Why what is measured now is not worth anything, if so. What fails is tried again, for longer.
std::string check_controls(const std::vector<Control>& controls, Random& random, double seconds) {
  for (const Control& control : controls) {
    bool right = false;
    for (int tries = 1; tries <= 3 && !right; ++tries) {
      const auto rounds = run_rounds(control.experiment, kRounds, random, tries * seconds);
      right = says_so(rounds) == control.leaks;
      print(right ? "ctrl" : "void", control.experiment, rounds);
    }
    if (!right) {
      return control.experiment.name + (control.leaks ? ": not found" : ": found, but not there");
    }
  }
  return {};
}

int run(const Options& options) {
  const auto begin = Clock::now();
  Random random(options.seed);
  fmt::print("seed {}\n", options.seed);
  std::deque<crypto::AeadEngine> engines;
  std::vector<Experiment> experiments;
  const auto add = [&](Experiment experiment) {
    if (experiment.name.find(options.only) != std::string::npos) {
      experiments.push_back(std::move(experiment));
    }
  };
  add(comparison_experiment());
  for (const auto backend : {crypto::Backend::portable, crypto::Backend::ipsec_mb,
                             crypto::Backend::avx2, crypto::Backend::avx512}) {
    auto engine = crypto::AeadEngine::create(backend);
    if (!engine) {
      fmt::print("skip  {}: {}\n", crypto::name_of(backend), engine.error().message);
      continue;
    }
    engines.push_back(std::move(*engine));
    for (Experiment& experiment : aead_experiments(engines.back())) {
      add(std::move(experiment));
    }
  }
  const std::vector<Control> controls = constant_time::controls(engines.back());

  // Each experiment has a round, the controls have theirs before and after; something is left for
  // what looks like a leak at first.
  const double rounds = static_cast<double>(experiments.size()) +
                        2.0 * kControl * kRounds * static_cast<double>(controls.size());
  const double seconds = 0.85 * options.seconds / rounds;
  std::string why = check_controls(controls, random, kControl * seconds);
  std::size_t leaks = 0;
  for (const Experiment& experiment : experiments) {
    if (!why.empty()) {
      break;
    }
    const auto seen = run_rounds(experiment, 1, random, seconds);
    for (const Round& round : seen) {
      if (!round.as_expected) {
        fmt::print("FAIL  {}: returned something else than it has to\n", experiment.name);
        return kLeak;
      }
      if (round.calls < kLeastCalls) {
        why = experiment.name + ": too few calls in a round; give it more --seconds";
      }
    }
    leaks += says_so(seen) ? 1 : 0;
    print(says_so(seen) ? "LEAK" : "ok", experiment, seen);
  }
  if (why.empty()) {
    why = check_controls(controls, random, kControl * seconds);
  }
  if (!why.empty()) {
    fmt::print("too noisy here to say anything: {}\n", why);
    return kVoid;
  }
  fmt::print("{} of {} leak, {:.0f} s\n", leaks, experiments.size(),
             std::chrono::duration<double>(Clock::now() - begin).count());
  return leaks == 0 ? 0 : kLeak;
}

}  // namespace
}  // namespace gotthard::constant_time

int main(int argc, char** argv) {
  using namespace gotthard;
  const auto options = constant_time::parse(std::vector<std::string_view>(argv + 1, argv + argc));
  if (!options) {
    fmt::print(stderr, "usage: timing_test [--seconds N] [--seed N] [--only TEXT]\n");
    return constant_time::kWrongCall;
  }
  if (const Status status = crypto::init(); !status) {
    fmt::print(stderr, "{}\n", status.error().message);
    return constant_time::kLeak;
  }
  return constant_time::run(*options);
}
