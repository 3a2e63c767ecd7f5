// A run: the most that the worker carries, then loads of so many percent of it, one after the
// other.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "perf/latency/histogram.h"
#include "perf/latency/line.h"
#include "perf/pipeline/environment.h"
#include "perf/pipeline/scenario.h"

namespace gotthard::perf::latency {

struct Question {
  pipeline::Scenario scenario;  // one worker, bursts as they come; `seconds` in all
  Spacing spacing = Spacing::poisson;
  std::vector<double> loads = {10, 50, 90};  // percent of the maximum
};

// Times are ticks of the time stamp counter.
struct Load {
  double percent = 0;
  double packets_per_second = 0;  // offered
  // An interval is disturbed when a probe of the core next to it was slow, or a turn in it took
  // longer than the worker alone can need (the CPU was stolen); those after it are too until
  // nothing waits any more.
  std::uint64_t intervals = 0;
  std::uint64_t disturbed_intervals = 0;
  std::uint64_t stolen_intervals = 0;  // of these: with such a turn
  std::uint64_t lost = 0;              // arrived while all places in line were taken
  Histogram all;
  Histogram undisturbed;
};

struct Measurement {
  Question question;
  std::string backend;
  bool hugepages = false;
  double tsc_hz = 0;
  double packets_per_second = 0;  // the maximum
  double gbit_per_second = 0;     // of inner packets
  double quiet_share = 0;         // of the intervals that the maximum comes from
  std::vector<Load> loads;
};

// Takes about `seconds`. An error when the worker lost packets, or they are not what their receiver
// expects.
Result<Measurement> measure(const Question& question, const pipeline::Environment& environment);

}  // namespace gotthard::perf::latency
