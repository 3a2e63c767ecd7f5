#include "perf/line_rate/measure.h"

#include <algorithm>
#include <chrono>

namespace gotthard::perf::line_rate {
namespace {

constexpr double kProbeSeconds = 0.2;
constexpr double kFramesAFlow = 3;

Status look_at(const TrialCounts& counts) {
  if (!counts.strange.empty()) {
    return fail("the run is void, for the device must not send this: {}", counts.strange);
  }
  if (counts.count(Found::piece) > 0) {
    return fail("the device has cut frames, which may not be cut, into {} pieces",
                counts.count(Found::piece));
  }
  return {};
}

std::string describe(const Flow& flow) {
  return fmt::format("{} to {}", config::to_string(flow.source),
                     config::to_string(flow.destination));
}

// Until each flow comes through, or patience ends: tunnels may need handshakes, and devices
// neighbours. A flow that never does is a finding too.
Result<std::string> reach_all(const Settings& settings, Generator* generator) {
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::duration<double>(settings.trial.patience);
  std::size_t most = 1;
  for (const Direction& direction : generator->directions()) {
    most = std::max(most, direction.flows.size());
  }
  const FrameSize smallest =
      *std::min_element(settings.trial.sizes.begin(), settings.trial.sizes.end(),
                        [](const auto& a, const auto& b) { return a.greatest() < b.greatest(); });
  const Load probe{.size = smallest,
                   .rate = kFramesAFlow * static_cast<double>(most) / kProbeSeconds,
                   .seconds = kProbeSeconds,
                   .grace = 1,
                   .wait = settings.trial.wait};
  while (true) {
    const auto counts = generator->run(probe);
    if (!counts) {
      return tl::unexpected(counts.error());
    }
    if (const Status right = look_at(*counts); !right) {
      return tl::unexpected(right.error());
    }
    const std::size_t flows = generator->flows().size();
    if (counts->flows_reached == flows) {
      return std::string();
    }
    if (std::chrono::steady_clock::now() < deadline) {
      continue;
    }
    const std::string first = describe(generator->flows()[counts->unreached]);
    if (counts->flows_reached == 0) {
      return fail(
          "nothing that was sent comes out of the device, not {} either: are its tunnels "
          "up, does it have routes and addresses for the flows? It sent {} ICMP errors",
          first, counts->count(Found::error) + counts->count(Found::too_big));
    }
    return fmt::format("of {} flows only {} come through; not, for one, {}", flows,
                       counts->flows_reached, first);
  }
}

Outcome outcome_of(const Trial& trial, const TrialCounts& counts, std::size_t directions) {
  return {.trial = trial,
          .loss_ratio = counts.loss_ratio(),
          .device_loss_ratio = counts.device_loss_ratio(),
          .received_rate = static_cast<double>(counts.sum().received_in_time) / counts.seconds /
                           static_cast<double>(directions),
          .port_refused = counts.sum().refusals > 0};
}

Result<double> most_rate(const Settings& settings, const Generator& generator,
                         const FrameSize& size) {
  const auto link = generator.link_rate(size);
  if (!link && !settings.trial.max_rate) {
    return fail(
        "the ports do not tell how fast their links are: write max_rate = ... in [trial], "
        "frames a second");
  }
  return std::min(link.value_or(kMostRate), settings.trial.max_rate.value_or(kMostRate));
}

Result<SizeResult> measure_size(const Settings& settings, Generator* generator,
                                const FrameSize& size, const Progress& progress) {
  const TrialSettings& wanted = settings.trial;
  const auto most = most_rate(settings, *generator, size);
  if (!most) {
    return tl::unexpected(most.error());
  }
  Search search({.loss_ratios = wanted.loss_ratios,
                 .least_rate = wanted.min_rate,
                 .most_rate = *most,
                 .seconds = wanted.seconds,
                 .first_seconds = wanted.first_seconds,
                 .precision = wanted.precision,
                 .repeat = wanted.repeat,
                 .most_trials = wanted.most_trials});
  SizeResult result{.size = size, .most_rate = *most};
  while (const auto trial = search.next()) {
    progress(size, *trial);
    // What is late by less than the precision is not worth calling the load not offered.
    constexpr double kLeastGrace = 0.005;
    const auto counts =
        generator->run({.size = size,
                        .rate = trial->rate,
                        .seconds = trial->seconds,
                        .grace = std::max(kLeastGrace, wanted.precision * trial->seconds),
                        .wait = wanted.wait});
    if (!counts) {
      return tl::unexpected(counts.error());
    }
    if (const Status right = look_at(*counts); !right) {
      return tl::unexpected(right.error());
    }
    search.add(outcome_of(*trial, *counts, generator->directions().size()));
    result.trials.push_back({.trial = *trial, .counts = *counts});
    if (counts->count(Found::too_big) > 0) {
      result.not_carried = fmt::format(
          "the device says that frames of {} bytes are too big for what lies behind it: raise the "
          "MTU of its tunnels and underlay, or leave '{}' out of sizes",
          size.greatest(), size.name());
      return result;
    }
  }
  result.intervals = search.intervals();
  return result;
}

}  // namespace

Result<RunResult> measure(const Settings& settings, Generator* generator,
                          const Progress& progress) {
  RunResult result{.settings = settings};
  auto unreached = reach_all(settings, generator);
  if (!unreached) {
    return tl::unexpected(unreached.error());
  }
  if (!unreached->empty()) {
    result.warnings.push_back(std::move(*unreached));
  }
  for (const FrameSize& size : settings.trial.sizes) {
    auto measured = measure_size(settings, generator, size, progress);
    if (!measured) {
      return tl::unexpected(measured.error());
    }
    result.sizes.push_back(std::move(*measured));
  }
  return result;
}

}  // namespace gotthard::perf::line_rate
