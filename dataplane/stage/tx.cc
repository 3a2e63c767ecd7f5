#include <rte_ethdev.h>
#include <rte_pause.h>

#include <array>

#include "dataplane/stage/stages.h"

namespace gotthard::dataplane {
namespace {

// A full queue is given a moment; what it still does not take is lost here and counted, rather than
// holding up reception.
constexpr int kAttempts = 4;

void send(Burst* burst, const LaneList& lanes, std::uint16_t port, WorkerContext* worker) {
  std::array<rte_mbuf*, kBurst> mbufs;
  for (std::uint32_t n = 0; n < lanes.size; ++n) {
    mbufs[n] = burst->lanes[lanes.lanes[n]].mbuf;
  }
  const std::uint16_t ethdev = worker->topology->ports[port].ethdev;
  std::uint32_t sent = 0;
  for (int attempt = 0; attempt < kAttempts && sent < lanes.size; ++attempt) {
    if (attempt > 0) {
      rte_pause();
    }
    sent += rte_eth_tx_burst(ethdev, static_cast<std::uint16_t>(worker->index), &mbufs[sent],
                             static_cast<std::uint16_t>(lanes.size - sent));
  }
  worker->counters->tx_packets.add(sent);
  for (std::uint32_t n = sent; n < lanes.size; ++n) {
    drop_packet(&burst->lanes[lanes.lanes[n]], Drop::tx_full, worker->counters);
  }
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
