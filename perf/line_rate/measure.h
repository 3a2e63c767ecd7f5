// A throughput run: for each size the trial at the greatest load and the search for what is carried
// with no more than given losses.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "perf/line_rate/generator.h"
#include "perf/line_rate/search.h"

namespace gotthard::perf::line_rate {

struct TrialRecord {
  Trial trial;  // the rate is of each direction
  TrialCounts counts;
};

// Rates are of each direction, in frames a second.
struct SizeResult {
  FrameSize size;
  double most_rate = 0;
  std::vector<TrialRecord> trials;  // the first is at most_rate
  std::vector<Interval> intervals;  // in the order of loss ratios
  std::string not_carried;          // why nothing was searched for; empty: it was
};

struct RunResult {
  Settings settings;
  std::vector<SizeResult> sizes;
  std::vector<std::string> warnings;
};

// Told of each trial before it runs.
using Progress = std::function<void(const FrameSize&, const Trial&)>;

// Fails when frames come that must not: changed ones, or such as nobody sent.
Result<RunResult> measure(const Settings& settings, Generator* generator, const Progress& progress);

}  // namespace gotthard::perf::line_rate
