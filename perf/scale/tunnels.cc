#include "perf/scale/tunnels.h"

#include <array>

#include "perf/scale/in_turns.h"

namespace gotthard::perf::scale {

using pipeline::Figures;
using pipeline::Kind;
using pipeline::Run;

Result<std::vector<TunnelsRow>> measure_tunnels(const Bench& bench,
                                                std::span<const std::uint32_t> counts) {
  pipeline::Scenario scenario = bench.scenario;
  auto one = Run::create(scenario, bench.environment);
  if (!one) {
    return tl::unexpected(one.error());
  }
  std::vector<TunnelsRow> rows;
  for (const std::uint32_t count : counts) {
    scenario.sessions = count;
    auto many = Run::create(scenario, bench.environment);
    if (!many) {
      return tl::unexpected(many.error());
    }
    (*one)->forget_samples();
    const std::array<Run*, 2> runs = {one->get(), many->get()};
    const auto limit = in_turns(runs, bench.seconds, bench.tsc_hz);
    if (!limit) {
      return tl::unexpected(limit.error());
    }
    const Figures alone = (*one)->figures(*limit);
    const Figures found = (*many)->figures(*limit);
    rows.push_back({.tunnels = count,
                    .figures = found,
                    .packets_per_second = bench.tsc_hz / found.net(),
                    .relative_rate = alone.net() / found.net(),
                    .key_miss_cycles = found.aead - alone.aead,
                    .quiet_share = (*many)->of(Kind::path).quiet_share(*limit)});
  }
  return rows;
}

}  // namespace gotthard::perf::scale
