// A scenario's gateway with its workers' threads: rounds of each kind, on packets made anew, on all
// workers at a time, and what they took.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "perf/pipeline/crew.h"
#include "perf/pipeline/gateway.h"
#include "perf/samples.h"

namespace gotthard::perf::pipeline {

// Cycles a packet, each the median of what was quiet.
struct Figures {
  double path = 0;
  double aead = 0;
  double ports = 0;

  [[nodiscard]] double net() const { return path - ports; }
  [[nodiscard]] double overhead() const { return net() - aead; }
  // The path is longer than its parts, unless one of them was disturbed and the path was not.
  [[nodiscard]] bool mean_something() const { return net() > 0 && overhead() > 0; }
};

// An error that says what to do when a run of `seconds` has no such figures.
[[nodiscard]] Status check_meaning(const Figures& figures, double seconds, double quiet_share);

class Run {
 public:
  static Result<std::unique_ptr<Run>> create(const Scenario& scenario,
                                             const Environment& environment);
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  // Between these the CPUs are this run's: the caller's thread is the first worker's, the others
  // have threads of their own. Rounds are in between; several runs may take turns.
  Status start();
  void stop();

  // An error when a packet gets lost; `check`: or is not what its receiver expects.
  Status round(Kind kind, bool check);
  // What the last round took, into the samples.
  void collect(Kind kind);

  // Rounds of all kinds and what they took: more of what figures are taken from, of the rest enough
  // for a median. The very first is looked at packet by packet.
  Status turns();

  // Cycles a packet, one a chunk. Workers work at the same time: it is what the last of them took.
  [[nodiscard]] const std::array<Samples, kKinds>& samples() const { return samples_; }
  [[nodiscard]] const Samples& of(Kind kind) const {
    return samples_[static_cast<std::size_t>(kind)];
  }
  [[nodiscard]] const std::array<Samples, kStageCount>& stages() const { return stages_; }
  [[nodiscard]] Figures figures(std::uint64_t limit) const {
    return {.path = of(Kind::path).median(limit),
            .aead = of(Kind::aead).median(limit),
            .ports = of(Kind::ports).median(limit)};
  }
  [[nodiscard]] bool all_quiet(std::uint64_t limit) const;  // each kind has a quiet sample

  void forget_samples() {
    samples_ = {};
    stages_ = {};
  }

  // Locked instructions a packet: the workers one after the other, step by step, a turn each, which
  // takes a second for each. Not between start() and stop().
  Result<double> atomics();

  [[nodiscard]] Gateway& gateway() { return *gateway_; }

 private:
  struct Other {
    Run* run;
    std::uint32_t worker;
  };

  explicit Run(std::unique_ptr<Gateway> gateway);
  Status prepare();
  void follow(std::uint32_t worker);
  [[nodiscard]] std::size_t expected() const;
  [[nodiscard]] Status refusals() const;
  std::size_t drain();

  Scenario scenario_;
  std::unique_ptr<Gateway> gateway_;
  Team team_;
  std::vector<std::unique_ptr<Crew>> crews_;  // before the gateway they end
  std::unique_ptr<KeyRing> receiver_;
  std::vector<Other> others_;
  std::optional<Kind> next_;  // none: the end
  std::size_t total_ = 0;     // packets of a round
  std::vector<rte_mbuf*> out_;
  std::array<Samples, kKinds> samples_;
  std::array<Samples, kStageCount> stages_;
};

}  // namespace gotthard::perf::pipeline
