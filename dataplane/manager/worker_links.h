// The manager's ends of the rings to and from workers, and the drops that are counted outside them.
#pragma once

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/abi/drop.h"
#include "dataplane/packet.h"
#include "dataplane/worker.h"

namespace gotthard::dataplane {

class WorkerLinks {
 public:
  explicit WorkerLinks(const std::vector<std::unique_ptr<Worker>>* workers) : workers_(workers) {}

  // Takes the mbuf; packets of one `flow` go to one worker and keep their order. A full ring drops.
  void send(rte_mbuf* mbuf, const PacketNote& note, std::uint32_t flow) {
    *packet_note(mbuf) = note;
    const auto& worker = (*workers_)[flow % workers_->size()];
    if (rte_ring_sp_enqueue(worker->from_manager(), mbuf) != 0) {
      drop(mbuf, Drop::host_ring_full);
    }
  }

  // What workers have handed up, oldest first by worker; at most `limit`.
  template <typename Handler>
  std::uint32_t receive(std::uint32_t limit, Handler&& handle) {
    std::uint32_t total = 0;
    for (const auto& worker : *workers_) {
      std::array<void*, kBurst> mbufs;
      std::uint32_t count = 0;
      while (total < limit && (count = rte_ring_sc_dequeue_burst(worker->to_manager(), mbufs.data(),
                                                                 kBurst, nullptr)) > 0) {
        for (std::uint32_t i = 0; i < count; ++i) {
          handle(static_cast<rte_mbuf*>(mbufs[i]));
        }
        total += count;
      }
    }
    return total;
  }

  void drop(rte_mbuf* mbuf, Drop reason) {
    count(reason);
    rte_pktmbuf_free(mbuf);
  }
  [[nodiscard]] std::size_t workers() const { return workers_->size(); }
  void count(Drop reason) { ++drops_[static_cast<std::size_t>(reason)]; }
  [[nodiscard]] const std::array<std::uint64_t, kDropCount>& drops() const { return drops_; }

 private:
  const std::vector<std::unique_ptr<Worker>>* workers_;
  std::array<std::uint64_t, kDropCount> drops_{};
};

}  // namespace gotthard::dataplane
