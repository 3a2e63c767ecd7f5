// A worker: one pinned thread that polls its queue of every port and carries each burst through the
// stages. Read poll() and run() in worker.cc for the life of a packet.
#pragma once

#include <rte_ring.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/packet.h"
#include "dataplane/spread.h"
#include "dataplane/worker_context.h"

namespace gotthard::dataplane {

struct WorkerOptions {
  std::uint32_t index = 0;
  std::uint32_t count = 1;  // of all workers
  bool sleep_when_idle = true;
  bool count_cycles = true;  // per stage
  crypto::Backend backend = crypto::Backend::automatic;
  int socket = 0;  // NUMA node
  // With others, that open what this one receives, and the other way round; null: each its own.
  SpreadHandoff* handoff = nullptr;
  SpreadPolicy spread = SpreadPolicy::automatic;
  PacketHandoff* handed = nullptr;  // null: there are no others
};

class Worker {
 public:
  // Called by the manager, before and after the thread runs.
  static Result<std::unique_ptr<Worker>> create(const WorkerOptions& options, Shared* shared,
                                                Rcu* rcu, std::uint32_t ring_size);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  // The worker's thread: until stop() was called.
  void run();
  // One turn of that loop: a round over all sources, counted, and a quiescent state. False when
  // there was nothing to do. Tests call poll(), perf runs turn(), between online() and offline().
  bool turn();
  bool poll();
  void online();
  void offline();

  // Whether stages are timed; before the thread runs, or by it.
  void count_cycles(bool on) { options_.count_cycles = on; }

  // Any thread.
  void stop() { stopping_.store(true, std::memory_order_relaxed); }

  // The manager's ends of the rings, and the counters it sums.
  [[nodiscard]] const std::array<rte_ring*, kUpRings>& to_manager() const {
    return context_.to_manager;
  }
  [[nodiscard]] rte_ring* from_manager() const { return from_manager_; }
  [[nodiscard]] const WorkerCounters& counters() const { return *counters_; }
  [[nodiscard]] const PeerCounters& peer_counters(std::uint32_t peer) const {
    return peer_counters_[peer];
  }
  [[nodiscard]] std::string_view aead_backend() const { return aead_->backend_name(); }

 private:
  Worker(const WorkerOptions& options, Shared* shared, Rcu* rcu);

  std::uint16_t poll_port(std::uint16_t port);
  bool poll_manager();
  bool poll_handed();
  void resume_all(std::span<rte_mbuf*> mbufs);
  bool poll_others();
  void carry(Burst* burst);
  void decap(Burst* burst);
  void open_again(Burst* burst);
  void seal(Burst* burst);
  void drop_all(Burst* burst, const LaneList& lanes, Drop reason);
  void answer(Burst* burst);
  template <StageId kStage, auto kFunction>
  void stage(Burst* burst, const LaneList& input);
  void count(StageId stage, std::uint32_t packets, std::uint64_t start);
  void rest();
  void open(Burst* burst);
  bool send_opened_on();
  void go_on(Burst* burst);

  WorkerOptions options_;
  Rcu* rcu_;
  WorkerContext context_;
  std::unique_ptr<crypto::AeadEngine> aead_;
  std::unique_ptr<crypto::Blake2sMac> mac_;
  std::unique_ptr<WorkerCounters> counters_;
  std::unique_ptr<PeerCounters[]> peer_counters_;
  std::unique_ptr<Spread> spread_;  // null: this worker opens all that it receives
  rte_ring* from_manager_ = nullptr;
  std::uint32_t idle_rounds_ = 0;
  std::atomic<bool> stopping_{false};
};

}  // namespace gotthard::dataplane
