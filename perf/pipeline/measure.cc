#include "perf/pipeline/measure.h"

#include "perf/clock.h"
#include "perf/pipeline/run.h"

namespace gotthard::perf::pipeline {
namespace {

constexpr int kLeastTurns = 2;
constexpr double kGrace = 1;  // seconds that a run may take longer until its figures mean something

// Until `seconds` are over; the first round and the last are looked at packet by packet.
Status turns(Run* run, double seconds, double tsc_hz) {
  const auto wanted = [run] {
    const std::uint64_t limit = quiet_limit(run->samples());
    return run->all_quiet(limit) && run->figures(limit).mean_something();
  };
  const std::uint64_t end = __rdtsc() + static_cast<std::uint64_t>(seconds * tsc_hz);
  const std::uint64_t last = end + static_cast<std::uint64_t>(kGrace * tsc_hz);
  for (int i = 0; i < kLeastTurns || __rdtsc() < end || (__rdtsc() < last && !wanted()); ++i) {
    if (const Status done = run->turns(); !done) {
      return done;
    }
  }
  return run->round(Kind::path, true);
}

Status conclude(Run* run, Measurement* result) {
  const Scenario& scenario = result->scenario;
  const std::uint64_t limit = quiet_limit(run->samples());
  const Figures found = run->figures(limit);
  result->quiet_share = run->of(Kind::path).quiet_share(limit);
  const Status meant = check_meaning(found, scenario.seconds, result->quiet_share);
  if (!meant) {
    return meant;
  }
  result->backend = run->gateway().backend();
  result->source_sink_cycles_per_packet = found.ports;
  result->cycles_per_packet = found.net();
  result->aead_cycles_per_packet = found.aead;
  result->overhead_cycles_per_packet = found.overhead();
  result->packets_per_second = scenario.workers * result->tsc_hz / found.net();
  result->gbit_per_second = result->packets_per_second * mean_length(scenario) * 8 / 1e9;
  for (std::size_t i = 0; i < kStageCount; ++i) {
    result->stages[i] = run->stages()[i].median(limit);
  }
  return {};
}

}  // namespace

Result<Measurement> measure(const Scenario& scenario, const Environment& environment) {
  auto run = Run::create(scenario, environment);
  if (!run) {
    return tl::unexpected(run.error());
  }
  if (const Status started = (*run)->start(); !started) {
    return tl::unexpected(started.error());
  }
  Measurement result{
      .scenario = scenario, .hugepages = environment.hugepages, .tsc_hz = measure_tsc_hz()};
  const Status done = turns(run->get(), scenario.seconds, result.tsc_hz);
  (*run)->stop();
  if (!done) {
    return tl::unexpected(done.error());
  }
  if (const Status meant = conclude(run->get(), &result); !meant) {
    return tl::unexpected(meant.error());
  }
  const auto atomics = (*run)->atomics();
  if (!atomics) {
    return tl::unexpected(atomics.error());
  }
  result.atomics_per_packet = *atomics;
  return result;
}

}  // namespace gotthard::perf::pipeline
