// Sums what workers counted and publishes it for control, with the times that follow from it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "dataplane/abi/directory.h"
#include "dataplane/manager/peer_store.h"
#include "dataplane/manager/session_store.h"
#include "dataplane/worker.h"

namespace gotthard::dataplane {

// What a peer's traffic was when last summed, so that changes get a time. Outlives attachments.
struct PeerTraffic {
  std::uint64_t rx_packets = 0, rx_bytes = 0, rx_keepalives = 0;
  std::uint64_t tx_packets = 0, tx_bytes = 0, tx_keepalives = 0;
  std::uint64_t drops = 0;
  Nanoseconds last_rx = 0, last_rx_data = 0, last_tx = 0, last_tx_data = 0;
  Nanoseconds unanswered_since = 0;
};

class DirectoryWriter {
 public:
  DirectoryWriter(const std::vector<std::unique_ptr<Worker>>* workers, const PeerStore* peers,
                  const SessionStore* sessions)
      : workers_(workers), peers_(peers), sessions_(sessions), traffic_(abi::kMaxPeers) {}

  void refresh(abi::Directory* directory, Nanoseconds now);
  // Sums without a directory, so that times go on while control is away.
  void sum(Nanoseconds now);
  // A peer's number is free again: who gets it next starts from zero.
  void forget_peer(std::uint32_t peer);

 private:
  void write_workers(abi::Directory* directory) const;
  void write_peers(abi::Directory* directory);
  void write_sessions(abi::Directory* directory);

  const std::vector<std::unique_ptr<Worker>>* workers_;
  const PeerStore* peers_;
  const SessionStore* sessions_;
  std::vector<PeerTraffic> traffic_;
  std::vector<PeerTraffic> base_ = std::vector<PeerTraffic>(abi::kMaxPeers);  // of former holders
  std::vector<std::uint32_t> published_peers_;
  std::vector<std::uint32_t> published_slots_;
};

}  // namespace gotthard::dataplane
