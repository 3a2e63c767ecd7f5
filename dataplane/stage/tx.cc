#include <rte_ethdev.h>
#include <rte_pause.h>

#include <array>
#include <span>

#include "dataplane/stage/stages.h"

namespace gotthard::dataplane {
namespace {

// A full queue is given a moment; what it still does not take is lost here and counted, rather than
// holding up reception.
constexpr int kAttempts = 4;

void drop_rest(std::span<rte_mbuf*> mbufs, WorkerContext* worker) {
  worker->counters->drops[static_cast<std::size_t>(Drop::tx_full)].add(mbufs.size());
  for (rte_mbuf* mbuf : mbufs) {
    rte_pktmbuf_free(mbuf);
  }
}

// By the worker that the port has a queue for: always the same one, so that order is kept.
std::uint32_t hand_over(std::span<rte_mbuf*> mbufs, std::uint16_t port, std::uint32_t owner,
                        WorkerContext* worker) {
  for (rte_mbuf* mbuf : mbufs) {
    *packet_note(mbuf) =
        PacketNote{.kind = NoteKind::send_frame, .origin = Origin::outer, .port = port};
  }
  return worker->handed->give(worker->index, owner, mbufs);
}

void send(std::span<rte_mbuf*> mbufs, std::uint16_t port, WorkerContext* worker) {
  const std::uint16_t ethdev = worker->topology->ports[port].ethdev;
  const std::uint32_t queues = worker->topology->ports[port].queues;
  std::uint32_t sent = 0;
  if (worker->index >= queues) {
    sent = hand_over(mbufs, port, worker->index % queues, worker);
    drop_rest(mbufs.subspan(sent), worker);
    return;
  }
  for (int attempt = 0; attempt < kAttempts && sent < mbufs.size(); ++attempt) {
    if (attempt > 0) {
      rte_pause();
    }
    sent += rte_eth_tx_burst(ethdev, static_cast<std::uint16_t>(worker->index), &mbufs[sent],
                             static_cast<std::uint16_t>(mbufs.size() - sent));
  }
  worker->counters->tx_packets.add(sent);
  drop_rest(mbufs.subspan(sent), worker);
}

}  // namespace

void tx(Burst* burst, WorkerContext* worker) {
  std::array<rte_mbuf*, kBurst> mbufs;
  LaneList& lanes = burst->to_tx;
  while (lanes.size > 0) {
    // Mostly one port: the others wait for the next round.
    const std::uint16_t port = burst->lanes[lanes.lanes[0]].port;
    std::size_t count = 0;
    std::uint32_t others = 0;
    for (const std::uint8_t i : lanes) {
      if (burst->lanes[i].port == port) {
        mbufs[count++] = burst->lanes[i].mbuf;
      } else {
        lanes.lanes[others++] = i;
      }
    }
    lanes.size = others;
    send({mbufs.data(), count}, port, worker);
  }
}

}  // namespace gotthard::dataplane
