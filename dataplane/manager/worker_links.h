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

  // What workers have handed up: a burst of each ring in turn, so that none keeps the others
  // waiting; at most `limit` packets, some more than that to end the last burst.
  template <typename Handler>
  std::uint32_t receive(std::uint32_t limit, Handler&& handle) {
    const std::size_t rings = workers_->size() * kUpRings;
    std::uint32_t total = 0;
    for (std::size_t empty = 0; empty < rings && total < limit;) {
      rte_ring* ring = (*workers_)[next_ / kUpRings]->to_manager()[next_ % kUpRings];
      next_ = (next_ + 1) % rings;
      std::array<void*, kBurst> mbufs;
      const std::uint32_t count = rte_ring_sc_dequeue_burst(ring, mbufs.data(), kBurst, nullptr);
      for (std::uint32_t i = 0; i < count; ++i) {
        handle(static_cast<rte_mbuf*>(mbufs[i]));
      }
      total += count;
      empty = count == 0 ? empty + 1 : 0;
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
  std::size_t next_ = 0;  // ring whose turn it is
  std::array<std::uint64_t, kDropCount> drops_{};
};

}  // namespace gotthard::dataplane
