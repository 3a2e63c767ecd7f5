// Packets that are cut or put together on behalf of workers, off their path. The manager's thread.
#pragma once

#include <rte_mempool.h>

#include "base/clock.h"
#include "dataplane/manager/host_bridge.h"
#include "dataplane/manager/reassembly.h"
#include "dataplane/manager/topology_store.h"
#include "dataplane/manager/worker_links.h"

namespace gotthard::dataplane {

class Fragments {
 public:
  Fragments(const TopologyStore* topology, WorkerLinks* links, HostBridge* bridge,
            rte_mempool* pool)
      : topology_(topology), links_(links), bridge_(bridge), pool_(pool) {}

  // Take the mbuf. `cut`: a packet too long for its way (NoteKind::fragment, fragment_outer).
  void cut(rte_mbuf* mbuf);
  void reassemble(rte_mbuf* mbuf, Nanoseconds now);
  void tick(Nanoseconds now);

 private:
  [[nodiscard]] rte_mbuf* buffer(std::span<const std::byte> bytes);
  void refuse(std::size_t pieces);

  const TopologyStore* topology_;
  WorkerLinks* links_;
  HostBridge* bridge_;
  rte_mempool* pool_;
  Reassembly reassembly_;
};

}  // namespace gotthard::dataplane
