// A worker with lines of packets in front of it, turn by turn. Time is the worker's own: the clock
// stands still while the run makes packets, puts them in front of the worker and takes them away.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "perf/latency/departures.h"
#include "perf/latency/line.h"
#include "perf/pipeline/gateway.h"
#include "perf/pipeline/traffic.h"

namespace gotthard::perf::latency {

// A port's packets wait in line, as many as its NIC has places for.
inline constexpr std::size_t kPlaces = 1024;

class Bench {
 public:
  // One worker; the caller's thread is its thread.
  static Result<std::unique_ptr<Bench>> create(const pipeline::Scenario& scenario,
                                               const pipeline::Environment& environment);
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;
  ~Bench();

  [[nodiscard]] std::uint64_t now() const { return now_; }  // TSC ticks
  [[nodiscard]] std::string backend() const { return gateway_->backend(); }

  // Packets come at this rate from now on, divided among the directions. None: as many as the
  // worker takes.
  void offer(Spacing spacing, double packets_per_tick, std::uint64_t seed);
  void offer_all();
  // What waits is the last.
  void offer_no_more();
  // Nothing waits but what came during the last turn.
  [[nodiscard]] bool idle() const;
  [[nodiscard]] std::uint64_t lost() const;  // since offer()

  // Before a turn, when true: packets are to be made anew. That takes long, and the first ones that
  // came out are looked at: an error when one is not what its receiver expects.
  [[nodiscard]] bool used_up() const;
  Status refill();

  // One turn: how long it took, how many packets left, and (of what was offered at a rate) how long
  // each of them was there, behind those of before in `spent`. An error when one got lost.
  struct Turn {
    std::uint64_t ticks = 0;
    std::size_t packets = 0;
  };
  Result<Turn> turn(std::vector<std::uint64_t>* spent);

 private:
  // A direction: from its port to the other.
  struct Way {
    std::unique_ptr<pipeline::Traffic> traffic;
    const pipeline::SoftPort* from = nullptr;
    const pipeline::SoftPort* to = nullptr;
    std::unique_ptr<Departures> departures;
    std::optional<Line> line;
    std::size_t next = 0;          // packet that was not given yet
    std::vector<rte_mbuf*> first;  // that came out, until they are looked at
  };

  explicit Bench(std::unique_ptr<pipeline::Gateway> gateway) : gateway_(std::move(gateway)) {}
  Status add_way(pipeline::Direction direction);
  [[nodiscard]] std::size_t give(Way* way);
  Status collect(Way* way, std::size_t given);

  std::unique_ptr<pipeline::Gateway> gateway_;
  std::unique_ptr<pipeline::KeyRing> receiver_;
  std::vector<Way> ways_;
  bool checked_ = false;
  bool ending_ = false;
  std::uint64_t now_ = 0;
};

}  // namespace gotthard::perf::latency
