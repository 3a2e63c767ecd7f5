#include "perf/scale/in_turns.h"

#include <algorithm>

#include "perf/clock.h"

namespace gotthard::perf::scale {
namespace {

constexpr int kTurnsAtATime = 8;  // the first ones find what another run left in the caches
constexpr double kGrace = 1;

std::uint64_t limit_of(std::span<pipeline::Run* const> runs) {
  std::uint64_t limit = UINT64_MAX;
  for (const pipeline::Run* run : runs) {
    limit = std::min(limit, quiet_limit(run->samples()));
  }
  return limit;
}

Status some_turns(pipeline::Run* run) {
  if (const Status started = run->start(); !started) {
    return started;
  }
  Status done;
  for (int i = 0; i < kTurnsAtATime && done; ++i) {
    done = run->turns();
  }
  run->stop();
  return done;
}

}  // namespace

Result<std::uint64_t> in_turns(std::span<pipeline::Run* const> runs, double seconds,
                               double tsc_hz) {
  const auto wanted = [runs] {
    const std::uint64_t limit = limit_of(runs);
    return std::ranges::all_of(runs, [limit](const pipeline::Run* run) {
      return run->all_quiet(limit) && run->figures(limit).mean_something();
    });
  };
  const std::uint64_t end = __rdtsc() + static_cast<std::uint64_t>(seconds * tsc_hz);
  const std::uint64_t last = end + static_cast<std::uint64_t>(kGrace * tsc_hz);
  do {
    for (pipeline::Run* run : runs) {
      if (const Status done = some_turns(run); !done) {
        return tl::unexpected(done.error());
      }
    }
  } while (__rdtsc() < end || (__rdtsc() < last && !wanted()));
  const std::uint64_t limit = limit_of(runs);
  for (const pipeline::Run* run : runs) {
    const double quiet = run->of(pipeline::Kind::path).quiet_share(limit);
    if (const Status meant = check_meaning(run->figures(limit), seconds, quiet); !meant) {
      return tl::unexpected(meant.error());
    }
  }
  return limit;
}

}  // namespace gotthard::perf::scale
