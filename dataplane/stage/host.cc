#include <array>

#include "dataplane/stage/stages.h"

namespace gotthard::dataplane {

namespace {

UpRing ring_of(NoteKind kind) {
  switch (kind) {
    case NoteKind::to_twin:
    case NoteKind::to_tun:
      return UpRing::host;
    case NoteKind::fragment:
    case NoteKind::fragment_outer:
    case NoteKind::reassemble:
      return UpRing::pieces;
    case NoteKind::park_session:
    case NoteKind::park_neighbour:
    case NoteKind::park_glean:
      return UpRing::waiting;
    default:
      return UpRing::control;
  }
}

void enqueue(Burst* burst, const LaneList& lanes, rte_ring* ring, WorkerContext* worker) {
  std::array<void*, kBurst> mbufs;
  for (std::uint32_t n = 0; n < lanes.size; ++n) {
    mbufs[n] = burst->lanes[lanes.lanes[n]].mbuf;
  }
  const std::uint32_t taken = rte_ring_sp_enqueue_burst(ring, mbufs.data(), lanes.size, nullptr);
  for (std::uint32_t n = taken; n < lanes.size; ++n) {
    drop_packet(&burst->lanes[lanes.lanes[n]], Drop::host_ring_full, worker->counters);
  }
}

}  // namespace

void host(Burst* burst, WorkerContext* worker) {
  std::array<LaneList, kUpRings> lists;
  for (const std::uint32_t i : burst->to_host) {
    const UpRing ring = ring_of(packet_note(burst->lanes[i].mbuf)->kind);
    if (ring == UpRing::waiting && !worker->waits.take(worker->now_tsc)) {
      drop_packet(&burst->lanes[i], Drop::park_full, worker->counters);
      continue;
    }
    lists[static_cast<std::size_t>(ring)].push(i);
  }
  for (std::size_t ring = 0; ring < kUpRings; ++ring) {
    if (lists[ring].size > 0) {
      enqueue(burst, lists[ring], worker->to_manager[ring], worker);
    }
  }
}

}  // namespace gotthard::dataplane
