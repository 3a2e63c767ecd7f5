#include <array>

#include "dataplane/stage/stages.h"

namespace gotthard::dataplane {

void host(Burst* burst, WorkerContext* worker) {
  std::array<void*, kBurst> mbufs;
  std::uint32_t count = 0;
  for (const std::uint32_t i : burst->to_host) {
    mbufs[count++] = burst->lanes[i].mbuf;
  }
  const std::uint32_t taken =
      rte_ring_sp_enqueue_burst(worker->to_manager, mbufs.data(), count, nullptr);
  for (std::uint32_t n = taken; n < count; ++n) {
    drop_packet(&burst->lanes[burst->to_host.lanes[n]], Drop::host_ring_full, worker->counters);
  }
}

}  // namespace gotthard::dataplane
