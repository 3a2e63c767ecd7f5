#include "perf/pipeline/run.h"

#include <algorithm>

#include "nic/eal.h"
#include "perf/locked_instructions.h"

namespace gotthard::perf::pipeline {
namespace {

constexpr std::array<Kind, 8> kTurns = {Kind::path, Kind::aead, Kind::ports, Kind::path,
                                        Kind::aead, Kind::path, Kind::aead,  Kind::timers};

}  // namespace

Status check_meaning(const Figures& figures, double seconds, double quiet_share) {
  if (figures.mean_something()) {
    return {};
  }
  return fail(
      "a packet took {:.0f} cycles, {:.0f} of them source and sink, and its AEAD alone {:.0f}, "
      "which cannot be: the machine is too noisy for {} s. Give more --seconds, or measure when it "
      "is quieter ({:.0f} % of the chunks were undisturbed)",
      figures.path, figures.ports, figures.aead, seconds, 100 * quiet_share);
}

Run::Run(std::unique_ptr<Gateway> gateway)
    : scenario_(gateway->scenario()), gateway_(std::move(gateway)), team_(scenario_.workers) {}

Result<std::unique_ptr<Run>> Run::create(const Scenario& scenario, const Environment& environment) {
  auto gateway = Gateway::create(scenario, environment);
  if (!gateway) {
    return tl::unexpected(gateway.error());
  }
  std::unique_ptr<Run> run(new Run(std::move(*gateway)));
  if (const Status ready = run->prepare(); !ready) {
    return tl::unexpected(ready.error());
  }
  return run;
}

Status Run::prepare() {
  for (std::uint32_t i = 0; i < scenario_.workers; ++i) {
    auto crew = Crew::create(gateway_.get(), i);
    if (!crew) {
      return tl::unexpected(crew.error());
    }
    crews_.push_back(std::move(*crew));
    total_ += crews_.back()->packets();
    others_.push_back({this, i});
  }
  others_.erase(others_.begin());  // the first worker is the caller
  // Libraries' AEAD, apart from what the workers run.
  auto receiver = KeyRing::create(crypto::Backend::portable, *gateway_);
  if (!receiver) {
    return tl::unexpected(receiver.error());
  }
  receiver_ = std::move(*receiver);
  out_.resize(total_);
  return {};
}

Status Run::start() {
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

void Run::stop() {
  gateway_->worker(0).offline();
  next_.reset();
  team_.wait();
  for (const Other& other : others_) {
    nic::join_worker(other.worker);
  }
}

void Run::follow(std::uint32_t worker) {
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
std::size_t Run::expected() const {
  const bool hands_over = scenario_.protocol == Protocol::esp && scenario_.workers > 1 &&
                          2 * scenario_.workers * dataplane::kBurst > scenario_.reorder_budget;
  return hands_over ? total_ : 0;
}

Status Run::round(Kind kind, bool check) {
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

Status Run::turns() {
  for (const Kind kind : kTurns) {
    if (const Status done = round(kind, of(Kind::path).size() == 0); !done) {
      return done;
    }
    collect(kind);
  }
  return {};
}

bool Run::all_quiet(std::uint64_t limit) const {
  return std::all_of(samples_.begin(), samples_.end(),
                     [&](const Samples& samples) { return samples.any_quiet(limit); });
}

Status Run::refusals() const {
  for (const auto& crew : crews_) {
    if (crew->refused() > 0) {
      return fail("the AEAD alone refused {} packets that nobody changed", crew->refused());
    }
  }
  return {};
}

// What has left the ports, into out_.
std::size_t Run::drain() {
  std::size_t count = 0;
  for (unsigned queue = 0; queue < scenario_.workers; ++queue) {
    for (const SoftPort* port : {&gateway_->wan(), &gateway_->lan()}) {
      count += port->take(queue, std::span(out_).subspan(count));
    }
  }
  return count;
}

void Run::collect(Kind kind) {
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

Result<double> Run::atomics() {
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

}  // namespace gotthard::perf::pipeline
