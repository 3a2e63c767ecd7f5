#include "perf/latency/measure.h"

#include <algorithm>
#include <optional>

#include "crypto/random.h"
#include "perf/clock.h"
#include "perf/latency/bench.h"
#include "perf/latency/watch.h"
#include "perf/samples.h"

namespace gotthard::perf::latency {
namespace {

constexpr double kLength = 250e-6;  // of an interval: seconds of the worker's time
constexpr double kSlack = 5e-6;     // seconds that a turn takes at most, beside its packets
constexpr std::size_t kLeastIntervals = 8;

// What happened between two probes of the core.
struct Interval {
  std::uint64_t ticks = 0;
  std::uint64_t packets = 0;
  std::uint64_t probe = 0;  // the longer one
};

class Run {
 public:
  Run(Bench* bench, double tsc_hz) : bench_(bench), tsc_hz_(tsc_hz) {}

  // Ticks for a packet when there are always some.
  Result<double> maximum(double seconds, double* quiet_share) {
    Samples samples;
    bench_->offer_all();
    const Status done = run(seconds, [&](const Interval& interval) {
      samples.add(static_cast<double>(interval.ticks) / static_cast<double>(interval.packets),
                  interval.probe);
    });
    if (!done) {
      return tl::unexpected(done.error());
    }
    quiet_limit_ = quiet_limit({&samples, 1});
    *quiet_share = samples.quiet_share(quiet_limit_);
    return samples.median(quiet_limit_);
  }

  // At `percent` of the maximum, at which a packet takes `ticks`.
  Status load(double seconds, Spacing spacing, double ticks, Load* load) {
    watch_.emplace(quiet_limit_, static_cast<std::uint64_t>(kSlack * tsc_hz_),
                   static_cast<std::uint64_t>(2 * ticks));
    bench_->offer(spacing, load->percent / 100 / ticks, crypto::random_u64());
    const auto take = [&](const Interval& interval) {
      const Watch::Verdict verdict = watch_->end(interval.probe);
      ++load->intervals;
      load->disturbed_intervals += verdict.disturbed ? 1 : 0;
      load->stolen_intervals += verdict.stolen ? 1 : 0;
      for (const std::uint64_t spent : spent_) {
        load->all.add(spent);
        if (!verdict.disturbed) {
          load->undisturbed.add(spent);
        }
      }
    };
    if (const Status done = run(seconds, take); !done) {
      return done;
    }
    bench_->offer_no_more();  // those that wait have waited the longest
    while (!bench_->idle()) {
      const auto interval = next();
      if (!interval) {
        return tl::unexpected(interval.error());
      }
      take(*interval);
    }
    load->lost = bench_->lost();
    return {};
  }

 private:
  template <typename Take>
  Status run(double seconds, Take take) {
    const std::uint64_t end = __rdtsc() + static_cast<std::uint64_t>(seconds * tsc_hz_);
    for (std::size_t i = 0; i < kLeastIntervals || __rdtsc() < end; ++i) {
      const auto interval = next();
      if (!interval) {
        return tl::unexpected(interval.error());
      }
      take(*interval);
    }
    return {};
  }

  Result<Interval> next() {
    if (bench_->used_up()) {
      if (const Status filled = bench_->refill(); !filled) {
        return tl::unexpected(filled.error());
      }
    }
    const std::uint64_t before = probe_core();
    Interval interval;
    spent_.clear();
    while (static_cast<double>(interval.ticks) < kLength * tsc_hz_ && !bench_->used_up()) {
      const auto turn = bench_->turn(&spent_);
      if (!turn) {
        return tl::unexpected(turn.error());
      }
      interval.ticks += turn->ticks;
      interval.packets += turn->packets;
      if (watch_) {
        watch_->turn(turn->ticks, turn->packets, bench_->idle());
      }
    }
    interval.probe = std::max(before, probe_core());
    return interval;
  }

  Bench* bench_;
  double tsc_hz_;
  std::uint64_t quiet_limit_ = 0;
  std::optional<Watch> watch_;        // over a load
  std::vector<std::uint64_t> spent_;  // in the interval, by packet
};

}  // namespace

Result<Measurement> measure(const Question& question, const pipeline::Environment& environment) {
  pipeline::Scenario scenario = question.scenario;
  auto bench = Bench::create(scenario, environment);
  if (!bench) {
    return tl::unexpected(bench.error());
  }
  Measurement result{.question = question,
                     .backend = (*bench)->backend(),
                     .hugepages = environment.hugepages,
                     .tsc_hz = measure_tsc_hz()};
  Run run(bench->get(), result.tsc_hz);
  const double seconds = scenario.seconds / static_cast<double>(1 + question.loads.size());
  const auto ticks = run.maximum(seconds, &result.quiet_share);
  if (!ticks) {
    return tl::unexpected(ticks.error());
  }
  result.packets_per_second = result.tsc_hz / *ticks;
  result.gbit_per_second = result.packets_per_second * mean_length(scenario) * 8 / 1e9;
  for (const double percent : question.loads) {
    Load load{.percent = percent, .packets_per_second = percent / 100 * result.packets_per_second};
    const Status done = run.load(seconds, question.spacing, *ticks, &load);
    if (!done) {
      return tl::unexpected(done.error());
    }
    result.loads.push_back(std::move(load));
  }
  return result;
}

}  // namespace gotthard::perf::latency
