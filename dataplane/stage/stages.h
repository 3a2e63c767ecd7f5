// The stages of the packet path. Each works on its list of lanes and appends to the lists of those
// that follow; none allocates, locks, logs, throws or calls the kernel.
#pragma once

#include "dataplane/packet.h"
#include "dataplane/worker_context.h"

namespace gotthard::dataplane {

// Ends a lane whose sender is to be told why: counted here, answered by `icmp`.
inline void refuse(Burst* burst, std::uint32_t i, Drop reason, WorkerContext* worker) {
  Lane* lane = &burst->lanes[i];
  if (lane->answer) {
    drop_packet(lane, reason, worker->counters);
    return;
  }
  count_drop(lane, reason, worker->counters);
  burst->to_icmp.push(i);
}

// For the stage that seals for the lane's tunnel.
inline LaneList* to_seal(Burst* burst, const Lane& lane, const WorkerContext& worker) {
  const auto kind = worker.topology->interfaces[lane.interface].kind;
  return kind == abi::TunnelKind::ipsec ? &burst->to_esp_encap : &burst->to_encap;
}

// Ethernet and IP headers; what is a tunnel's to us, what is the host's, what is to be routed.
void classify(Burst* burst, WorkerContext* worker);

// Handshake messages: length, mac1, police; what is left goes to control through the manager.
void punt(Burst* burst, WorkerContext* worker);

// Data messages: session, window, open, commit, source check.
void wg_decap(Burst* burst, WorkerContext* worker);

// The same of ESP: its source and all that selectors look at are its SA's.
void esp_decap(Burst* burst, WorkerContext* worker);

// Destination -> next hop; nothing plain to the underlay.
void route(Burst* burst, WorkerContext* worker);

// TTL, and the size that fits.
void mtu(Burst* burst, WorkerContext* worker);

// Answers for what was refused: the sender learns why. What it makes goes through `route`, `mtu`
// and the sealing stages again, and is not answered itself.
void icmp(Burst* burst, WorkerContext* worker);

// Counters, headers, seal.
void wg_encap(Burst* burst, WorkerContext* worker);
void esp_encap(Burst* burst, WorkerContext* worker);

// Next hop -> Ethernet header.
void neighbour(Burst* burst, WorkerContext* worker);

// To the manager: what the host gets, what has to wait.
void host(Burst* burst, WorkerContext* worker);

// Out of the ports' queues.
void tx(Burst* burst, WorkerContext* worker);

}  // namespace gotthard::dataplane
