// What the stages work with.
#pragma once

#include <rte_ring.h>

#include <atomic>
#include <cstdint>
#include <vector>

#include "crypto/aead.h"
#include "crypto/hash.h"
#include "dataplane/answer_limits.h"
#include "dataplane/counters.h"
#include "dataplane/table/fib.h"
#include "dataplane/table/hops.h"
#include "dataplane/table/peer.h"
#include "dataplane/table/policy.h"
#include "dataplane/table/rcu.h"
#include "dataplane/table/session_table.h"
#include "dataplane/table/topology.h"
#include "dataplane/token_bucket.h"

namespace gotthard::dataplane {

// Tables that the manager writes and all workers read.
struct Shared {
  Hops hops;
  SessionTable sessions;
  PeerTable peers;
  std::atomic<const Topology*> topology{nullptr};
  Tables* tables = nullptr;
  // Of IPsec interfaces: which child an outbound packet is for.
  std::array<std::atomic<const PolicyTable*>, abi::kMaxInterfaces> policies{};
  // Packets for the one worker that seals for their child. Set before workers run.
  std::array<rte_ring*, abi::kMaxWorkers> handover{};
};

// Handshake messages are policed by class before they reach control; messages that carry a mac2
// have their own class, so that peers which answered a cookie are heard under a flood.
enum class PuntClass : std::uint8_t { initiation, initiation_with_mac2, response, cookie, count };

// Identifications of outer IPv4 packets, which may be fragmented on their way: of `count` workers
// each has every count-th, so that no two give the same at a time (RFC 6864).
class Ipv4Ids {
 public:
  Ipv4Ids() = default;
  Ipv4Ids(std::uint32_t worker, std::uint32_t count)
      : first_(worker), step_(count), next_(worker) {}

  [[nodiscard]] std::uint16_t next() {
    const auto id = static_cast<std::uint16_t>(next_);
    next_ += step_;
    if (next_ > UINT16_MAX) {
      next_ = first_;
    }
    return id;
  }

 private:
  std::uint32_t first_ = 0;
  std::uint32_t step_ = 1;
  std::uint32_t next_ = 0;
};

// One worker's own. Only its thread touches it, but for the counters, which the manager reads.
struct WorkerContext {
  std::uint32_t index = 0;
  Shared* shared = nullptr;
  const Topology* topology = nullptr;  // read once per poll
  std::uint64_t now_tsc = 0;           // read once per burst
  crypto::AeadEngine* aead = nullptr;
  crypto::Blake2sMac* mac = nullptr;
  WorkerCounters* counters = nullptr;
  PeerCounters* peer_counters = nullptr;  // [kMaxPeers]
  rte_ring* to_manager = nullptr;         // single producer: this worker
  Ipv4Ids ipv4_ids;                       // of outer headers
  AnswerLimits answers;                   // ICMP errors
  TokenBucket pieces;                     // of datagrams, that the manager puts together
  TokenBucket move_notices;               // a roaming peer is reported, not each of its packets
  std::array<TokenBucket, static_cast<std::size_t>(PuntClass::count)> police;
};

}  // namespace gotthard::dataplane
