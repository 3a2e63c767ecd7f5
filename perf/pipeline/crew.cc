#include "perf/pipeline/crew.h"

#include <rte_ethdev.h>

#include <algorithm>

#include "perf/clock.h"

namespace gotthard::perf::pipeline {
namespace {

// Packets that wait at workers which seal for others, at most: half of what their rings take.
constexpr std::size_t kMostHanded = dataplane::kHandedDepth / 2;

// Some tens of microseconds: short beside the time between disturbances, long beside the clock's
// own cost.
constexpr std::size_t kChunk = 256;

std::array<std::uint64_t, kStageCount> stage_cycles(const dataplane::Worker& worker) {
  std::array<std::uint64_t, kStageCount> cycles;
  for (std::size_t i = 0; i < kStageCount; ++i) {
    cycles[i] = worker.counters().stages[i].cycles.get();
  }
  return cycles;
}

}  // namespace

Result<std::unique_ptr<Crew>> Crew::create(Gateway* gateway, std::uint32_t worker) {
  const Scenario& scenario = gateway->scenario();
  std::unique_ptr<Crew> crew(new Crew(gateway, worker));
  for (const Direction direction : {Direction::encap, Direction::decap}) {
    if (scenario.direction != direction && scenario.direction != Direction::both) {
      continue;
    }
    auto traffic = Traffic::create(gateway, direction, worker);
    if (!traffic) {
      return tl::unexpected(traffic.error());
    }
    crew->traffic_.push_back(std::move(*traffic));
  }
  // Workers that end a round together have one chunk in it; a burst is not cut.
  const std::size_t buffers = scenario.buffers();
  const std::size_t chunk = kChunk / scenario.burst * scenario.burst;
  crew->chunk_size_ = scenario.workers > 1 ? buffers : std::min(chunk, buffers);
  crew->chunks_.resize(buffers / crew->chunk_size_);
  return crew;
}

std::size_t Crew::packets() const { return chunks_.size() * chunk_size_ * traffic_.size(); }

void Crew::run(Kind kind, Team* team, std::size_t expected) {
  for (const auto& traffic : traffic_) {
    traffic->prepare();
  }
  worker().count_cycles(kind == Kind::timers);
  for (std::size_t i = 0; i < chunks_.size(); ++i) {
    Chunk* chunk = &chunks_[i];
    const auto stages = stage_cycles(worker());
    const std::uint64_t before = probe_core();
    chunk->start = team->start();
    switch (kind) {
      case Kind::path:
      case Kind::timers:
        carry(i * chunk_size_, chunk_size_, expected);
        turn_until(i + 1 == chunks_.size() ? expected : 0);
        break;
      case Kind::aead:
        seal_or_open(i * chunk_size_, chunk_size_);
        break;
      case Kind::ports:
        pass_on(i * chunk_size_, chunk_size_);
        break;
    }
    chunk->end = fenced_tsc();
    chunk->probe = std::max(before, probe_core());
    chunk->stages = stage_cycles(worker());
    for (std::size_t stage = 0; stage < kStageCount; ++stage) {
      chunk->stages[stage] -= stages[stage];
    }
  }
}

void Crew::give(std::size_t at) {
  const std::size_t burst = gateway_->scenario().burst;
  for (const auto& traffic : traffic_) {
    const SoftPort& port =
        traffic->direction() == Direction::encap ? gateway_->lan() : gateway_->wan();
    port.give(worker_, traffic->packets().subspan(at, burst));
  }
}

void Crew::carry(std::size_t first, std::size_t count, std::size_t expected) {
  const std::size_t burst = gateway_->scenario().burst;
  for (std::size_t at = first; at < first + count; at += burst) {
    if (expected > 0) {
      keep_pace(at);
    }
    give(at);
    worker().turn();
  }
}

// Nobody gets ahead of those that seal for him by more than they have room for. (All workers have
// as much to do, so what all have sent says how far the others are.)
void Crew::keep_pace(std::size_t at) {
  const std::size_t workers = gateway_->scenario().workers;
  const std::size_t given = at * traffic_.size();
  turn_until(given * workers < kMostHanded ? 0 : given * workers - kMostHanded);
}

void Crew::turn_until(std::size_t sent_by_all) {
  const std::uint64_t deadline = __rdtsc() + rte_get_tsc_hz();
  while (sent() < sent_by_all && !stuck_) {
    worker().turn();
    stuck_ = __rdtsc() > deadline;
  }
}

void Crew::pass_on(std::size_t first, std::size_t count) {
  const auto queue = static_cast<std::uint16_t>(worker_);
  std::array<rte_mbuf*, dataplane::kBurst> mbufs;
  for (std::size_t at = first; at < first + count; at += gateway_->scenario().burst) {
    give(at);
    for (const auto& [from, to] : {std::pair{&gateway_->wan(), &gateway_->lan()},
                                   std::pair{&gateway_->lan(), &gateway_->wan()}}) {
      const std::uint16_t received =
          rte_eth_rx_burst(from->ethdev(), queue, mbufs.data(), mbufs.size());
      if (received > 0) {
        rte_eth_tx_burst(to->ethdev(), queue, mbufs.data(), received);
      }
    }
  }
}

void Crew::seal_or_open(std::size_t first, std::size_t count) {
  const std::size_t burst = gateway_->scenario().burst;
  for (std::size_t at = first; at < first + count; at += burst) {
    for (const auto& traffic : traffic_) {
      refused_ += traffic->run_aead(at, burst, burst);
    }
  }
}

std::size_t Crew::sent() const {
  std::size_t sent = 0;
  for (unsigned queue = 0; queue < gateway_->scenario().workers; ++queue) {
    sent += gateway_->wan().sent(queue) + gateway_->lan().sent(queue);
  }
  return sent;
}

}  // namespace gotthard::perf::pipeline
