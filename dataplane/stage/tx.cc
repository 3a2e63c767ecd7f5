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

void drop_rest(Burst* burst, const LaneList& lanes, std::uint32_t sent, WorkerContext* worker) {
  for (std::uint32_t n = sent; n < lanes.size; ++n) {
    drop_packet(&burst->lanes[lanes.lanes[n]], Drop::tx_full, worker->counters);
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

void send(Burst* burst, const LaneList& lanes, std::uint16_t port, WorkerContext* worker) {
  std::array<rte_mbuf*, kBurst> mbufs;
  for (std::uint32_t n = 0; n < lanes.size; ++n) {
    mbufs[n] = burst->lanes[lanes.lanes[n]].mbuf;
  }
  const std::uint16_t ethdev = worker->topology->ports[port].ethdev;
  const std::uint32_t queues = worker->topology->ports[port].queues;
  std::uint32_t sent = 0;
  if (worker->index >= queues) {
    sent = hand_over({mbufs.data(), lanes.size}, port, worker->index % queues, worker);
    drop_rest(burst, lanes, sent, worker);
    return;
  }
  for (int attempt = 0; attempt < kAttempts && sent < lanes.size; ++attempt) {
    if (attempt > 0) {
      rte_pause();
    }
    sent += rte_eth_tx_burst(ethdev, static_cast<std::uint16_t>(worker->index), &mbufs[sent],
                             static_cast<std::uint16_t>(lanes.size - sent));
  }
  worker->counters->tx_packets.add(sent);
  drop_rest(burst, lanes, sent, worker);
}

}  // namespace

void tx(Burst* burst, WorkerContext* worker) {
  LaneList rest = burst->to_tx;
  while (rest.size > 0) {
    // Mostly one port: the others wait for the next round.
    const std::uint16_t port = burst->lanes[rest.lanes[0]].port;
    LaneList now;
    LaneList later;
    for (const std::uint32_t i : rest) {
      (burst->lanes[i].port == port ? now : later).push(i);
    }
    send(burst, now, port, worker);
    rest = later;
  }
}

}  // namespace gotthard::dataplane
