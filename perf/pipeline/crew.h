// One worker of the run with its packets: what its thread does in a round.
#pragma once

#include <memory>
#include <vector>

#include "dataplane/abi/stage_id.h"
#include "perf/pipeline/team.h"
#include "perf/pipeline/traffic.h"

namespace gotthard::perf::pipeline {

// What a round times, all of it on packets that were just prepared.
enum class Kind : std::uint8_t {
  path,    // the worker, without stage timers
  timers,  // the same with them
  aead,    // sealing or opening alone
  ports,   // source and sink alone: what a worker does with the ports, and nothing between
};
inline constexpr std::size_t kKinds = 4;

// A part of a round between two probes.
struct Chunk {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t probe = 0;                          // the longer of the two around it
  std::array<std::uint64_t, kStageCount> stages{};  // Kind::timers: cycles
};

class Crew {
 public:
  static Result<std::unique_ptr<Crew>> create(Gateway* gateway, std::uint32_t worker);

  [[nodiscard]] std::size_t packets() const;  // a round
  [[nodiscard]] std::size_t chunks() const { return chunks_.size(); }
  [[nodiscard]] const Chunk& chunk(std::size_t index) const { return chunks_[index]; }
  [[nodiscard]] const std::vector<std::unique_ptr<Traffic>>& traffic() const { return traffic_; }

  // `expected`: where workers seal for others, the packets of all, which the round ends with; else
  // 0, it ends with the worker's own.
  void run(Kind kind, Team* team, std::size_t expected);
  [[nodiscard]] std::size_t refused() const { return refused_; }  // by the AEAD alone

  // The packets of one turn from `at` on, in front of the worker.
  void give(std::size_t at);
  dataplane::Worker& worker() { return gateway_->worker(worker_); }
  // Packets that have left, of all workers.
  [[nodiscard]] std::size_t sent() const;

 private:
  Crew(Gateway* gateway, std::uint32_t worker) : gateway_(gateway), worker_(worker) {}
  void carry(std::size_t first, std::size_t count, std::size_t expected);
  void keep_pace(std::size_t at);
  void turn_until(std::size_t sent_by_all);  // for a second at most
  void pass_on(std::size_t first, std::size_t count);
  void seal_or_open(std::size_t first, std::size_t count);

  Gateway* gateway_;
  std::uint32_t worker_;
  std::vector<std::unique_ptr<Traffic>> traffic_;  // one a direction
  std::vector<Chunk> chunks_;
  std::size_t chunk_size_ = 0;  // packets of one direction
  std::size_t refused_ = 0;
  bool stuck_ = false;
};

}  // namespace gotthard::perf::pipeline
