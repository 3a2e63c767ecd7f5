// Counters that one worker writes and the manager sums: no read-modify-write on the bus, no sharing
// of lines between workers.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "dataplane/abi/drop.h"
#include "dataplane/abi/stage_id.h"

namespace gotthard::dataplane {

// Written by one thread, read by others: a relaxed load and store compile to a plain add.
class Count {
 public:
  void add(std::uint64_t n) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct StageCount {
  Count bursts, packets, cycles;
};

struct alignas(64) WorkerCounters {
  Count loops, idle_loops, sleeps;
  Count rx_packets, tx_packets;
  Count busy_cycles, total_cycles;
  Count spread_late;       // opened for another worker, which had given them up: out of order
  Count spread_overflows;  // bursts that found no room to wait for those before them
  std::array<Count, kDropCount> drops;
  std::array<StageCount, kStageCount> stages;
};

// One line per peer and worker.
struct alignas(64) PeerCounters {
  Count rx_packets, rx_bytes, rx_keepalives;
  Count tx_packets, tx_bytes, tx_keepalives;
  Count drops;
};
static_assert(sizeof(PeerCounters) == 64);

}  // namespace gotthard::dataplane
