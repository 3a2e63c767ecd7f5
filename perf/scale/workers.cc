#include "perf/scale/workers.h"

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "perf/clock.h"
#include "perf/pipeline/run.h"
#include "perf/scale/core_control.h"

namespace gotthard::perf::scale {
namespace {

using pipeline::Kind;
using pipeline::Run;

// Long beside the beginning of a round, in which workers wait for each other; short beside the time
// between disturbances.
constexpr std::uint32_t kBuffers = 256;
constexpr int kRounds = 8;  // of each, a cycle
constexpr std::size_t kLeastCycles = 2;

struct Cycle {
  double control = 0;  // the smaller one
  double one_worker = 0;
  double one_tunnel = 0;
  double two_tunnels = 0;  // cycles of a worker, a packet
};

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

template <typename Value>
double median(const std::vector<Cycle>& cycles, Value value) {
  std::vector<double> values;
  for (const Cycle& cycle : cycles) {
    values.push_back(value(cycle));
  }
  return median(std::move(values));
}

// Each worker of two does as much as the one: in the same time they do twice as much.
Scaling scaling(const std::vector<Cycle>& cycles) {
  return {
      .control = median(cycles, [](const Cycle& c) { return c.control; }),
      .one_tunnel = median(cycles, [](const Cycle& c) { return 2 * c.one_worker / c.one_tunnel; }),
      .two_tunnels =
          median(cycles, [](const Cycle& c) { return 2 * c.one_worker / c.two_tunnels; }),
      .one_to_two = median(cycles, [](const Cycle& c) { return c.two_tunnels / c.one_tunnel; }),
      .cycles = cycles.size()};
}

Result<double> some_rounds(Run* run, bool check) {
  run->forget_samples();
  if (const Status started = run->start(); !started) {
    return tl::unexpected(started.error());
  }
  Status done;
  for (int i = 0; i < kRounds && done; ++i) {
    done = run->round(Kind::path, check && i == 0);
    run->collect(Kind::path);
  }
  run->stop();
  if (!done) {
    return tl::unexpected(done.error());
  }
  return run->of(Kind::path).median(UINT64_MAX);
}

}  // namespace

Result<Workers> measure_workers(const Bench& bench) {
  std::array<std::unique_ptr<Run>, 3> runs;
  constexpr std::array<std::array<std::uint32_t, 2>, 3> kScenarios = {{{1, 1}, {2, 1}, {2, 2}}};
  for (std::size_t i = 0; i < runs.size(); ++i) {
    pipeline::Scenario scenario = bench.scenario;
    scenario.workers = kScenarios[i][0];
    scenario.sessions = kScenarios[i][1];
    scenario.working_set = kBuffers;
    auto run = Run::create(scenario, bench.environment);
    if (!run) {
      return tl::unexpected(run.error());
    }
    runs[i] = std::move(*run);
  }
  std::vector<Cycle> cycles;
  const std::uint64_t end = __rdtsc() + static_cast<std::uint64_t>(bench.seconds * bench.tsc_hz);
  for (auto before = core_control(); cycles.size() < kLeastCycles || __rdtsc() < end;) {
    std::array<double, 3> found{};
    for (std::size_t i = 0; i < runs.size(); ++i) {
      const auto cycles_per_packet = some_rounds(runs[i].get(), cycles.empty());
      if (!cycles_per_packet) {
        return tl::unexpected(cycles_per_packet.error());
      }
      found[i] = *cycles_per_packet;
    }
    auto after = core_control();
    if (!before || !after) {
      return tl::unexpected(before ? after.error() : before.error());
    }
    cycles.push_back({.control = std::min(*before, *after),
                      .one_worker = found[0],
                      .one_tunnel = found[1],
                      .two_tunnels = found[2]});
    before = after;
  }
  Workers result{.one_worker_cycles = median(cycles, [](const Cycle& c) { return c.one_worker; }),
                 .all = scaling(cycles)};
  const std::size_t all = cycles.size();
  std::erase_if(cycles, [](const Cycle& c) { return c.control < kTwoCores; });
  if (!cycles.empty()) {
    result.quiet = scaling(cycles);
  }
  result.quiet_share = static_cast<double>(cycles.size()) / static_cast<double>(all);
  return result;
}

}  // namespace gotthard::perf::scale
