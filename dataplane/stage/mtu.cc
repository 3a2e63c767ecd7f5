#include <rte_prefetch.h>

#include <algorithm>

#include "dataplane/stage/stages.h"
#include "dataplane/wire/ip.h"
#include "dataplane/wire/tcp.h"

namespace gotthard::dataplane {
namespace {

// A forwarded packet loses a hop (RFC 1812 5.3.1, RFC 8200 section 3). What the gateway sends
// itself does not pass here, but for its answers.
Drop spend_hop(Lane* lane) {
  if (lane->answer) {
    return Drop::none;
  }
  if (lane->family == Family::ipv4) {
    auto* ip = reinterpret_cast<wire::Ipv4Header*>(lane->ip);
    if (ip->ttl <= 1) {
      return Drop::ttl_expired;
    }
    wire::decrement_ttl(ip);
    return Drop::none;
  }
  auto* ip = reinterpret_cast<wire::Ipv6Header*>(lane->ip);
  if (ip->hop_limit <= 1) {
    return Drop::ttl_expired;
  }
  --ip->hop_limit;
  return Drop::none;
}

// Only IPv4 without "don't fragment" is cut on its way (RFC 791); by the manager, off this path.
bool may_fragment(const Lane& lane) {
  const auto* ip = reinterpret_cast<const wire::Ipv4Header*>(lane.ip);
  return lane.family == Family::ipv4 && (ip->fragment.get() & wire::kIpv4DontFragment) == 0;
}

// It goes into its tunnel as it is.
bool cut_outside(const Lane& lane, const Topology& topology) {
  return lane.peer != abi::kNoPeer && topology.interfaces[lane.interface].fragment_after &&
         may_fragment(lane);
}

void cut(Burst* burst, std::uint32_t i) {
  Lane* lane = &burst->lanes[i];
  *packet_note(lane->mbuf) =
      PacketNote{.kind = NoteKind::fragment,
                 .origin = lane->origin,
                 .port = lane->port,
                 .interface = lane->origin == Origin::tunnel ? lane->opened_at : lane->interface,
                 .mtu = lane->mtu};
  burst->to_host.push(i);
}

// What a packet's tunnels take, in and out, and the stage that it goes to; the same for all that
// come from one and go into one.
class Fit {
 public:
  [[nodiscard]] bool is_of(const Lane& lane) const {
    return lane.peer == peer_ && lane.interface == interface_ && lane.origin == origin_ &&
           (lane.origin != Origin::tunnel || lane.opened_at == opened_at_) && to_ != nullptr;
  }
  void look(const Lane& lane, Burst* burst, const WorkerContext& worker) {
    peer_ = lane.peer;
    interface_ = lane.interface;
    origin_ = lane.origin;
    opened_at_ = lane.opened_at;
    inner_mtu_ = UINT16_MAX;
    segment_mtu_ = UINT16_MAX;
    clamps_ = false;
    to_ = &burst->to_neighbour;
    if (lane.peer != abi::kNoPeer) {
      // What the peer's path takes, or the tunnel that this one goes by.
      const OuterTemplate* outer =
          worker.shared->peers[lane.peer].outer.load(std::memory_order_acquire);
      inner_mtu_ = outer != nullptr ? outer->inner_mtu : UINT16_MAX;
      clamp(worker.topology->interfaces[lane.interface]);
      to_ = to_seal(burst, lane, worker);
    }
    if (lane.origin == Origin::tunnel) {
      clamp(worker.topology->interfaces[lane.opened_at]);
    }
  }
  [[nodiscard]] std::uint16_t inner_mtu() const { return inner_mtu_; }
  [[nodiscard]] bool clamps() const { return clamps_; }
  [[nodiscard]] std::uint16_t segment_mtu() const { return segment_mtu_; }
  [[nodiscard]] LaneList* to() const { return to_; }

 private:
  void clamp(const TopologyInterface& interface) {
    if (interface.clamp_mss) {
      clamps_ = true;
      segment_mtu_ = std::min(segment_mtu_, interface.mtu);
    }
  }

  LaneList* to_ = nullptr;  // null: nothing was looked at yet
  std::uint32_t peer_ = abi::kNoPeer;
  std::uint16_t interface_ = 0;
  std::uint16_t opened_at_ = 0;
  std::uint16_t inner_mtu_ = UINT16_MAX;
  std::uint16_t segment_mtu_ = UINT16_MAX;
  Origin origin_ = Origin::inside;
  bool clamps_ = false;
};

// Connections through a tunnel are told what fits, whichever side opens them.
[[gnu::noinline]] void fit_segments(Lane* lane, std::uint16_t mtu) {
  const auto packet = wire::parse_ip({lane->ip, lane->length});
  if (!packet || packet->fragment || packet->protocol != wire::kProtocolTcp) {
    return;
  }
  const auto headers =
      (packet->family == Family::ipv4 ? sizeof(wire::Ipv4Header) : sizeof(wire::Ipv6Header)) +
      sizeof(wire::TcpHeader);
  wire::clamp_mss(std::span(lane->ip, lane->length).subspan(packet->header_length),
                  static_cast<std::uint16_t>(mtu - headers));
}

constexpr std::size_t kLine = 64;

// What this stage and those that seal look at behind a peer's own line.
void prefetch_behind(const Peer& peer) {
  if (const OuterTemplate* outer = peer.outer.load(std::memory_order_relaxed)) {
    rte_prefetch0(outer);
    rte_prefetch0(reinterpret_cast<const std::byte*>(outer) + kLine);
  }
  if (const Session* session = peer.current.load(std::memory_order_relaxed)) {
    rte_prefetch0(session);
    rte_prefetch0(&session->next_counter);
    rte_prefetch0(&session->seal_key);
  }
}

// A burst that is for many peers finds little of them in the caches: what is fetched for all at a
// time takes not much longer than what is for one. One for a single peer, as far as its ends show,
// needs nothing that the one before it did not.
void prefetch_for_many(const Burst& burst, const WorkerContext& worker) {
  const LaneList& all = burst.to_mtu;
  const auto peer = [&](std::uint32_t i) { return burst.lanes[i].peer; };
  if (all.size == 0 || peer(all.lanes[0]) == peer(all.lanes[all.size - 1])) {
    return;
  }
  for (const std::uint32_t i : all) {
    if (peer(i) != abi::kNoPeer) {
      rte_prefetch0(&worker.shared->peers[peer(i)]);
      rte_prefetch0(&worker.peer_counters[peer(i)]);
    }
  }
  for (const std::uint32_t i : all) {
    if (peer(i) != abi::kNoPeer) {
      prefetch_behind(worker.shared->peers[peer(i)]);
    }
  }
}

}  // namespace

void mtu(Burst* burst, WorkerContext* worker) {
  prefetch_for_many(*burst, *worker);
  Fit fit;
  for (const std::uint32_t i : burst->to_mtu) {
    Lane* lane = &burst->lanes[i];
    // What followed the IP packet in its frame (Ethernet padding) goes no further.
    set_length(lane->mbuf, lane->length);
    if (!fit.is_of(*lane)) {
      fit.look(*lane, burst, *worker);
    }
    lane->mtu = std::min(lane->mtu, fit.inner_mtu());
    if (lane->length > lane->mtu && !cut_outside(*lane, *worker->topology)) {
      if (may_fragment(*lane)) {
        cut(burst, i);
      } else {
        refuse(burst, i, Drop::too_big, worker);
      }
      continue;
    }
    if (const Drop reason = spend_hop(lane); reason != Drop::none) {
      refuse(burst, i, reason, worker);
      continue;
    }
    if (fit.clamps()) {
      fit_segments(lane, std::min(lane->mtu, fit.segment_mtu()));
    }
    fit.to()->push(i);
  }
}

}  // namespace gotthard::dataplane
