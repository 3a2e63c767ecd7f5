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
#include "dataplane/packet.h"
#include "dataplane/table/fib.h"
#include "dataplane/table/handoff.h"
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
};

// What control can take: a responder makes some 5,000 handshakes a second. Each worker keeps to it,
// and the manager with all of them together.
class PuntPolice {
 public:
  PuntPolice() = default;
  explicit PuntPolice(std::uint64_t ticks_per_second) {
    using enum PuntClass;
    set(initiation, ticks_per_second, 2000);
    set(initiation_with_mac2, ticks_per_second, 2000);
    set(response, ticks_per_second, 2000);
    set(cookie, ticks_per_second, 500);
    set(ike_first, ticks_per_second, 1000);
    set(ike_later, ticks_per_second, 2000);
  }
  [[nodiscard]] bool take(PuntClass of, std::uint64_t now_ticks) {
    return buckets_[static_cast<std::size_t>(of)].take(now_ticks);
  }

 private:
  void set(PuntClass of, std::uint64_t ticks_per_second, std::uint32_t rate) {
    buckets_[static_cast<std::size_t>(of)] = TokenBucket(ticks_per_second / rate, rate / 10);
  }
  std::array<TokenBucket, static_cast<std::size_t>(PuntClass::count)> buckets_;
};

// Rings from a worker to the manager: a flood of one kind leaves the others their places.
enum class UpRing : std::uint8_t {
  control,  // policed: handshakes, moves
  waiting,  // policed: for a neighbour or a session
  host,     // frames and packets for twins and TUNs
  pieces,   // to be cut or put together
};
inline constexpr std::size_t kUpRings = 4;

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

// From worker to worker: frames for a port that has no queue for the worker which made them, and
// packets for the one that alone seals for their child. Their notes say what they are.
inline constexpr std::uint32_t kHandedDepth = 1024;  // that may wait at one, from one other
using PacketHandoff = Handoff<rte_mbuf, kHandedDepth>;

// One worker's own. Only its thread touches it, but for the counters, which the manager reads.
struct WorkerContext {
  std::uint32_t index = 0;
  Shared* shared = nullptr;
  const Topology* topology = nullptr;  // read once per poll
  std::uint64_t now_tsc = 0;           // read once per burst
  crypto::AeadEngine* aead = nullptr;
  crypto::Blake2sMac* mac = nullptr;
  WorkerCounters* counters = nullptr;
  PeerCounters* peer_counters = nullptr;         // [kMaxPeers]
  std::array<rte_ring*, kUpRings> to_manager{};  // by UpRing; single producer: this worker
  PacketHandoff* handed = nullptr;               // null: there is one worker only
  Ipv4Ids ipv4_ids;                              // of outer headers
  AnswerLimits answers;                          // ICMP errors
  TokenBucket pieces;                            // of datagrams, that the manager puts together
  TokenBucket move_notices;  // a roaming peer is reported, not each of its packets
  TokenBucket waits;         // for sessions and neighbours: few of them can be kept
  PuntPolice police;
};

}  // namespace gotthard::dataplane
