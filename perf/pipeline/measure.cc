#include "perf/pipeline/measure.h"

#include <rte_cycles.h>

#include <algorithm>
#include <optional>

#include "nic/eal.h"
#include "perf/clock.h"
#include "perf/locked_instructions.h"
#include "perf/pipeline/crew.h"
#include "perf/samples.h"

namespace gotthard::perf::pipeline {
namespace {

// More of what the figures are taken from; of the rest enough for a median.
constexpr std::array<Kind, 8> kTurns = {Kind::path, Kind::aead, Kind::ports, Kind::path,
                                        Kind::aead, Kind::path, Kind::aead,  Kind::timers};
constexpr std::size_t kLeastRounds = 2 * kTurns.size();
constexpr double kGrace = 1;  // seconds that a run may take longer until its figures mean something

class Run {
 public:
  Run(const Scenario& scenario, std::unique_ptr<Gateway> gateway)
      : scenario_(scenario), gateway_(std::move(gateway)), team_(scenario.workers) {}

  Status prepare() {
    for (std::uint32_t i = 0; i < scenario_.workers; ++i) {
      auto crew = Crew::create(gateway_.get(), i);
      if (!crew) {
        return tl::unexpected(crew.error());
      }
      crews_.push_back(std::move(*crew));
      total_ += crews_.back()->packets();
    }
    // Libraries' AEAD, apart from what the workers run.
    auto receiver = KeyRing::create(crypto::Backend::portable, *gateway_);
    if (!receiver) {
      return tl::unexpected(receiver.error());
    }
    receiver_ = std::move(*receiver);
    out_.resize(total_);
    return {};
  }

  // The others' threads; the caller's is the first worker's.
  Status start_others() {
    for (std::uint32_t i = 1; i < scenario_.workers; ++i) {
      others_.push_back({this, i});
    }
    for (Other& other : others_) {
      const Status started = nic::launch_worker(
          other.worker,
          [](void* argument) {
            const auto* self = static_cast<Other*>(argument);
            self->run->follow(self->worker);
            return 0;
          },
          &other);
      if (!started) {
        return started;
      }
    }
    gateway_->worker(0).online();
    return {};
  }
  void end() {
    gateway_->worker(0).offline();
    next_.reset();
    team_.wait();
    for (const Other& other : others_) {
      nic::join_worker(other.worker);
    }
  }

  // Rounds until `seconds` are over; the first and the last are looked at packet by packet.
  Status rounds(double seconds, double tsc_hz) {
    const std::uint64_t end = __rdtsc() + static_cast<std::uint64_t>(seconds * tsc_hz);
    const std::uint64_t last = end + static_cast<std::uint64_t>(kGrace * tsc_hz);
    for (std::size_t i = 0; i < kLeastRounds || __rdtsc() < end ||
                            (__rdtsc() < last && !(all_quiet() && figures().mean_something()));
         i += kTurns.size()) {
      for (const Kind kind : kTurns) {
        if (const Status done = round(kind, samples_[0].size() == 0); !done) {
          return done;
        }
        collect(kind);
      }
    }
    return round(Kind::path, true);
  }

  // The workers one after the other, step by step, a turn each: that takes a second for each.
  Result<double> atomics() {
    std::uint64_t locked = 0;
    std::size_t packets = 0;
    for (const auto& crew : crews_) {
      for (const auto& traffic : crew->traffic()) {
        traffic->prepare();
      }
      crew->worker().online();
      crew->give(0);
      auto count = count_locked_instructions([&] { crew->worker().turn(); });
      if (!count) {
        return tl::unexpected(count.error());
      }
      locked += *count;
      packets += scenario_.burst * crew->traffic().size();
      crew->worker().offline();
    }
    // Another worker's may still lie in between.
    for (const auto& crew : crews_) {
      crew->worker().online();
      auto count = count_locked_instructions([&] { crew->worker().turn(); });
      crew->worker().offline();
      locked += count.value_or(0);
    }
    (void)drain();
    return static_cast<double>(locked) / static_cast<double>(packets);
  }

  Status conclude(double tsc_hz, Measurement* result) const {
    const std::uint64_t limit = quiet_limit(samples_);
    const Figures found = figures();
    if (!found.mean_something()) {
      return fail(
          "a packet took {:.0f} cycles, {:.0f} of them source and sink, and its AEAD alone {:.0f}, "
          "which cannot be: the machine is too noisy for {} s. Give more --seconds, or measure "
          "when "
          "it is quieter ({:.0f} % of the chunks were undisturbed)",
          found.path, found.ports, found.aead, scenario_.seconds,
          100 * of(Kind::path).quiet_share(limit));
    }
    result->tsc_hz = tsc_hz;
    result->backend = gateway_->backend();
    result->source_sink_cycles_per_packet = found.ports;
    result->cycles_per_packet = found.path - found.ports;
    result->aead_cycles_per_packet = found.aead;
    result->overhead_cycles_per_packet = result->cycles_per_packet - result->aead_cycles_per_packet;
    result->packets_per_second = scenario_.workers * tsc_hz / result->cycles_per_packet;
    result->gbit_per_second = result->packets_per_second * mean_length(scenario_) * 8 / 1e9;
    for (std::size_t i = 0; i < kStageCount; ++i) {
      result->stages[i] = stages_[i].median(limit);
    }
    result->quiet_share = of(Kind::path).quiet_share(limit);
    return {};
  }

 private:
  struct Other {
    Run* run;
    std::uint32_t worker;
  };

  // Cycles a packet, each the median of what was quiet.
  struct Figures {
    double path, aead, ports;

    // The path is longer than its parts, unless one of them was disturbed and the path was not.
    [[nodiscard]] bool mean_something() const { return path - ports > aead; }
  };
  [[nodiscard]] Figures figures() const {
    const std::uint64_t limit = quiet_limit(samples_);
    return {.path = of(Kind::path).median(limit),
            .aead = of(Kind::aead).median(limit),
            .ports = of(Kind::ports).median(limit)};
  }
  [[nodiscard]] bool all_quiet() const {
    const std::uint64_t limit = quiet_limit(samples_);
    return std::all_of(samples_.begin(), samples_.end(),
                       [&](const Samples& samples) { return samples.any_quiet(limit); });
  }
  [[nodiscard]] const Samples& of(Kind kind) const {
    return samples_[static_cast<std::size_t>(kind)];
  }

  void follow(std::uint32_t worker) {
    gateway_->worker(worker).online();
    for (;;) {
      team_.wait();
      if (!next_) {
        break;
      }
      crews_[worker]->run(*next_, &team_, expected());
      team_.wait();
    }
    gateway_->worker(worker).offline();
  }

  // Where one worker seals for the others, a round is not over when a worker has done its own.
  [[nodiscard]] std::size_t expected() const {
    const bool hands_over = scenario_.protocol == Protocol::esp && scenario_.workers > 1 &&
                            2 * scenario_.workers * dataplane::kBurst > scenario_.reorder_budget;
    return hands_over ? total_ : 0;
  }

  Status round(Kind kind, bool check) {
    next_ = kind;
    team_.wait();
    crews_[0]->run(kind, &team_, expected());
    team_.wait();
    if (kind == Kind::aead) {
      return refusals();
    }
    const std::size_t sent = drain();
    std::size_t right = sent;
    if (check) {
      right = 0;
      for (const auto& crew : crews_) {
        for (const auto& traffic : crew->traffic()) {
          right += traffic->check({out_.data(), sent}, receiver_.get());
        }
      }
    }
    if (sent != total_ || right != total_) {
      const std::string drops = gateway_->drops();
      return fail("of {} packets {} came out and {} of these were right; dropped: {}", total_, sent,
                  right, drops.empty() ? "none" : drops);
    }
    return {};
  }

  Status refusals() const {
    for (const auto& crew : crews_) {
      if (crew->refused() > 0) {
        return fail("the AEAD alone refused {} packets that nobody changed", crew->refused());
      }
    }
    return {};
  }

  // What has left the ports, into out_.
  std::size_t drain() {
    std::size_t count = 0;
    for (unsigned queue = 0; queue < scenario_.workers; ++queue) {
      for (const SoftPort* port : {&gateway_->wan(), &gateway_->lan()}) {
        count += port->take(queue, std::span(out_).subspan(count));
      }
    }
    return count;
  }

  // Workers work at the same time: what a round took is what the last of them took.
  void collect(Kind kind) {
    const std::size_t workers = crews_.size();
    const std::size_t chunks = crews_[0]->chunks();
    const double packets =
        static_cast<double>(total_) / static_cast<double>(chunks) / static_cast<double>(workers);
    for (std::size_t i = 0; i < chunks; ++i) {
      std::uint64_t cycles = 0;
      std::uint64_t probe = 0;
      std::array<double, kStageCount> stages{};
      for (const auto& crew : crews_) {
        const Chunk& chunk = crew->chunk(i);
        cycles = std::max(cycles, chunk.end - chunk.start);
        probe = std::max(probe, chunk.probe);
        for (std::size_t stage = 0; stage < kStageCount; ++stage) {
          stages[stage] += static_cast<double>(chunk.stages[stage]) / static_cast<double>(workers);
        }
      }
      samples_[static_cast<std::size_t>(kind)].add(static_cast<double>(cycles) / packets, probe);
      for (std::size_t stage = 0; kind == Kind::timers && stage < kStageCount; ++stage) {
        stages_[stage].add(stages[stage] / packets, probe);
      }
    }
  }

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

}  // namespace

Result<Measurement> measure(const Scenario& scenario, const Environment& environment) {
  auto gateway = Gateway::create(scenario, environment);
  if (!gateway) {
    return tl::unexpected(gateway.error());
  }
  Run run(scenario, std::move(*gateway));
  if (const Status ready = run.prepare(); !ready) {
    return tl::unexpected(ready.error());
  }
  if (const Status started = run.start_others(); !started) {
    return tl::unexpected(started.error());
  }
  const double tsc_hz = measure_tsc_hz();
  const Status done = run.rounds(scenario.seconds, tsc_hz);
  run.end();
  if (!done) {
    return tl::unexpected(done.error());
  }
  Measurement result{.scenario = scenario, .hugepages = environment.hugepages};
  if (const Status meant = run.conclude(tsc_hz, &result); !meant) {
    return tl::unexpected(meant.error());
  }
  const auto atomics = run.atomics();
  if (!atomics) {
    return tl::unexpected(atomics.error());
  }
  result.atomics_per_packet = *atomics;
  return result;
}

}  // namespace gotthard::perf::pipeline
