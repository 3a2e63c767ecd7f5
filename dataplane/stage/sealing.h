// What the stages that seal packets share: counters, outer headers, what cannot be sealed now.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>

#include "dataplane/packet.h"
#include "dataplane/stage/stages.h"
#include "dataplane/table/counter_blocks.h"
#include "dataplane/wire/ecn.h"
#include "dataplane/wire/ethernet.h"
#include "dataplane/wire/ip.h"
#include "dataplane/wire/udp.h"
#include "dataplane/worker_context.h"

namespace gotthard::dataplane {

inline const OuterTemplate* outer_of(const Lane& lane, const WorkerContext& worker) {
  return worker.shared->peers[lane.peer].outer.load(std::memory_order_acquire);
}

// Without a session the packet waits at the manager, which asks control for a handshake.
inline void wait_for_session(Lane* lane) {
  *packet_note(lane->mbuf) = PacketNote{.kind = NoteKind::park_session,
                                        .origin = lane->origin,
                                        .answer = lane->answer,
                                        .interface = lane->interface,
                                        .mtu = lane->mtu,
                                        .peer = lane->peer};
}

struct OuterFields {
  std::uint8_t traffic_class = 0;
  std::uint32_t payload = 0;   // bytes behind the IP header
  std::uint16_t fragment = 0;  // IPv4: kIpv4DontFragment or none
};

inline void write_ip(std::byte* ip, const OuterTemplate& outer, const OuterFields& fields,
                     WorkerContext* worker) {
  if (outer.endpoint.remote.family == Family::ipv4) {
    auto* header = reinterpret_cast<wire::Ipv4Header*>(ip);
    const auto total = static_cast<std::uint16_t>(sizeof(*header) + fields.payload);
    const std::uint16_t id = worker->ipv4_ids.next();
    header->tos = fields.traffic_class;
    header->total_length.set(total);
    header->id.set(id);
    header->fragment.set(fields.fragment);
    std::uint32_t sum = outer.checksum_base + fields.traffic_class + total + id + fields.fragment;
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    header->checksum.set(static_cast<std::uint16_t>(~sum));
    return;
  }
  auto* header = reinterpret_cast<wire::Ipv6Header*>(ip);
  wire::set_traffic_class(ip, Family::ipv6, fields.traffic_class);
  header->payload_length.set(static_cast<std::uint16_t>(fields.payload));
}

// Room for `front` bytes before the packet and `back` behind it; where the former begins. A buffer
// has room for two tunnels' headers in front. For more the packet moves back. Null: there is no
// room.
inline std::byte* extend(const Lane& lane, std::size_t front, std::size_t back) {
  constexpr std::size_t kLink = sizeof(wire::EthernetHeader) + sizeof(wire::VlanTag);
  rte_mbuf* mbuf = lane.mbuf;
  std::byte* data = packet_at(mbuf);
  std::size_t behind = mbuf->buf_len - std::size_t{mbuf->data_off} - lane.length;
  if (mbuf->data_off < front + kLink) [[unlikely]] {
    const std::size_t missing = front + kLink - mbuf->data_off;
    if (behind < missing) {
      return nullptr;
    }
    std::memmove(data + missing, data, lane.length);
    data += missing;
    behind -= missing;
  }
  if (behind < back) {
    return nullptr;
  }
  set_packet(mbuf, data - front, static_cast<std::uint16_t>(front + lane.length + back));
  return data - front;
}

// The template's headers, by copies of lengths that the compiler knows.
inline void copy_headers(std::byte* to, const OuterTemplate& outer) {
  constexpr std::size_t kUdp = sizeof(wire::UdpHeader);
  const std::byte* from = outer.headers.data();
  switch (outer.headers_length) {
    case sizeof(wire::Ipv4Header):
      std::memcpy(to, from, sizeof(wire::Ipv4Header));
      break;
    case sizeof(wire::Ipv4Header) + kUdp:
      std::memcpy(to, from, sizeof(wire::Ipv4Header) + kUdp);
      break;
    case sizeof(wire::Ipv6Header):
      std::memcpy(to, from, sizeof(wire::Ipv6Header));
      break;
    default:
      std::memcpy(to, from, sizeof(wire::Ipv6Header) + kUdp);
      break;
  }
}

// Lanes that follow each other into one peer's session: mostly a burst is one run. What they have
// in common was looked up for the first of them.
struct SealRun {
  const OuterTemplate* outer = nullptr;  // the manager may take the peer's away meanwhile
  Session* session = nullptr;
  std::uint32_t peer = abi::kNoPeer;
  bool empty = false;  // one packet of nothing: a keepalive, a dummy
  LaneList lanes;
};

class SealRuns {
 public:
  // False: it is for another peer than those before it, or one that is looked at by itself: empty,
  // or the host's own, whose size nobody knows yet.
  [[nodiscard]] bool extend(std::uint32_t i, const Lane& lane) {
    if (lane.peer != peer_ || lane.length == 0 || lane.origin == Origin::host) {
      return false;
    }
    runs_[count_ - 1].lanes.push(i);
    return true;
  }
  void begin(std::uint32_t i, const Lane& lane, const OuterTemplate* outer, Session* session) {
    const bool empty = lane.length == 0;
    SealRun* run = new (runs_.at(count_++))
        SealRun{.outer = outer, .session = session, .peer = lane.peer, .empty = empty, .lanes = {}};
    run->lanes.push(i);
    peer_ = empty ? kNobody : lane.peer;
  }
  [[nodiscard]] std::span<SealRun> all() { return {&runs_[0], count_}; }

 private:
  static constexpr std::uint32_t kNobody = abi::kNoPeer - 1;

  std::uint32_t count_ = 0;
  std::uint32_t peer_ = kNobody;  // of the last run, where others may follow
  Room<SealRun, kBurst> runs_;
};

// What was sealed of a run, by inner lengths; counted once.
class SentSum {
 public:
  void add(std::uint16_t inner_length) {
    ++packets_;
    bytes_ += inner_length;
    keepalives_ += inner_length == 0 ? 1 : 0;
  }
  void count(PeerCounters* counters) const {
    counters->tx_packets.add(packets_ - keepalives_);
    counters->tx_bytes.add(bytes_);
    counters->tx_keepalives.add(keepalives_);
  }

 private:
  std::uint32_t packets_ = 0;
  std::uint32_t keepalives_ = 0;
  std::uint64_t bytes_ = 0;
};

inline void drop_unsealed(Lane* lane, Drop reason, WorkerContext* worker) {
  worker->peer_counters[lane->peer].drops.add(1);
  drop_packet(lane, reason, worker->counters);
}

// Packets made ready to be sealed, with their jobs; and what they are sent by once they are.
struct Wrapped {
  Room<crypto::AeadJob, kBurst> jobs;
  std::array<const OuterTemplate*, kBurst> outers;
  LaneList lanes;
};

// Gives each lane of a run its number, as long as there are some, and wraps it. `wrap(lane, job,
// i, n)` makes lane i ready with job n; false: its buffer has no room for it.
template <typename Wrap>
void wrap_run(Burst* burst, const SealRun& run, CounterBlocks* blocks, Drop at_limit,
              Wrapped* wrapped, WorkerContext* worker, const Wrap& wrap) {
  CounterBlocks::Deal numbers = blocks->deal(run.session, run.lanes.size);
  SentSum sent;
  for (const std::uint32_t i : run.lanes) {
    Lane* lane = &burst->lanes[i];
    if (numbers.count == 0) {
      drop_unsealed(lane, at_limit, worker);
      continue;
    }
    lane->counter = numbers.first++;
    --numbers.count;
    const std::uint16_t inner_length = lane->length;
    const std::uint32_t n = wrapped->lanes.size;
    if (!wrap(lane, &wrapped->jobs[n], i, n)) {
      drop_unsealed(lane, Drop::too_big, worker);
      continue;
    }
    sent.add(inner_length);
    wrapped->outers[n] = run.outer;
    wrapped->lanes.push(i);
  }
  sent.count(&worker->peer_counters[run.peer]);
}

// IPv6 has no packets without a checksum (RFC 8200, 8.1); over IPv4 none is sent, the tag protects
// more than it would.
inline void finish_checksum(Lane* lane) {
  if (lane->family == Family::ipv6) {
    auto* udp = reinterpret_cast<wire::UdpHeader*>(lane->ip + sizeof(wire::Ipv6Header));
    udp->checksum.set(wire::udp_checksum(lane->ip, Family::ipv6, udp));
  }
}

// The outer packet is one that another tunnel carries.
inline void into_another(Burst* burst, std::uint32_t i, std::uint32_t through,
                         WorkerContext* worker) {
  Lane* lane = &burst->lanes[i];
  lane->peer = through;
  lane->interface = worker->shared->peers[through].interface.load(std::memory_order_relaxed);
  const TopologyInterface& interface = worker->topology->interfaces[lane->interface];
  if (!interface.used || !interface.up) {
    drop_packet(lane, Drop::interface_down, worker->counters);
    return;
  }
  lane->mtu = lane->mtu != 0 ? std::min(lane->mtu, interface.mtu) : interface.mtu;
  if (lane->length > lane->mtu) {
    *packet_note(lane->mbuf) = PacketNote{.kind = NoteKind::fragment_outer,
                                          .origin = lane->origin,
                                          .interface = lane->interface,
                                          .mtu = lane->mtu,
                                          .peer = through};
    burst->to_host.push(i);
    return;
  }
  const bool ipsec = interface.kind == abi::TunnelKind::ipsec;
  (ipsec ? burst->again_esp_encap : burst->again_encap).push(i);
}

// Sealed, on its way to the underlay or into the tunnel that its peer is reached through.
inline void send_sealed(Burst* burst, std::uint32_t i, const OuterTemplate& outer,
                        WorkerContext* worker) {
  burst->lanes[i].origin = Origin::outer;
  if (const std::uint32_t through = outer.endpoint.through; through != abi::kNoPeer) {
    into_another(burst, i, through, worker);
  } else {
    burst->to_neighbour.push(i);
  }
}

}  // namespace gotthard::dataplane
