// What the stages that open packets share: the window, the peer's address, the inner header.
#pragma once

#include <arpa/inet.h>

#include <array>
#include <cstring>

#include "dataplane/packet.h"
#include "dataplane/wire/ecn.h"
#include "dataplane/wire/ip.h"
#include "dataplane/wire/udp.h"
#include "dataplane/worker_context.h"

namespace gotthard::dataplane {

struct WindowDrops {
  Drop late, replay;
};

// Marks the counters of some packets of one session.
inline void commit_window(Burst* burst, const LaneList& lanes, const WindowDrops& reasons,
                          WorkerContext* worker) {
  std::array<std::uint64_t, kBurst> counters;
  std::array<ReplayWindow::Verdict, kBurst> verdicts;
  for (std::uint32_t i = 0; i < lanes.size; ++i) {
    counters[i] = burst->lanes[lanes.lanes[i]].counter;
  }
  Session* session = burst->lanes[lanes.lanes[0]].session;
  session->window.commit({counters.data(), lanes.size}, {verdicts.data(), lanes.size});
  for (std::uint32_t i = 0; i < lanes.size; ++i) {
    if (verdicts[i] != ReplayWindow::Verdict::accept) {
      const bool late = verdicts[i] == ReplayWindow::Verdict::late;
      drop_packet(&burst->lanes[lanes.lanes[i]], late ? reasons.late : reasons.replay,
                  worker->counters);
    }
  }
  // Idempotent: a responder's session becomes the one to seal with.
  if (!session->confirmed.load(std::memory_order_relaxed)) {
    session->confirmed.store(true, std::memory_order_relaxed);
  }
}

// Marks the counters of authentic packets; what the window refuses now arrived twice, in this burst
// or on another worker, or fell behind while it was being opened. Session by session.
inline void commit_windows(Burst* burst, const LaneList& authentic, const WindowDrops& reasons,
                           WorkerContext* worker) {
  LaneList rest = authentic;
  while (rest.size > 0) {
    const Session* session = burst->lanes[rest.lanes[0]].session;
    LaneList group;
    std::uint32_t others = 0;
    for (const std::uint8_t i : rest) {
      if (burst->lanes[i].session == session) {
        group.push(i);
      } else {
        rest.lanes[others++] = i;
      }
    }
    rest.size = others;
    commit_window(burst, group, reasons, worker);
  }
}

// Where a session's peer is at home: looked up once for those of its packets that follow each
// other.
class Home {
 public:
  [[nodiscard]] bool has(const Lane& lane, const WorkerContext& worker) {
    if (lane.session != session_) {
      session_ = lane.session;
      outer_ = worker.shared->peers[lane.session->peer].outer.load(std::memory_order_acquire);
      // A peer may spread its flows over as many source ports as we do: they are one endpoint.
      ports_ = worker.topology->interfaces[lane.interface].source_ports;
      first_port_ = outer_ == nullptr ? std::uint16_t{0} : ntohs(outer_->endpoint.remote_port);
    }
    const auto* udp = reinterpret_cast<const wire::UdpHeader*>(lane.ip + lane.udp_offset);
    return outer_ != nullptr && wire::is_from(lane.ip, lane.family, outer_->endpoint.remote) &&
           static_cast<std::uint16_t>(udp->source.get() - first_port_) < ports_;
  }

 private:
  const Session* session_ = nullptr;
  const OuterTemplate* outer_ = nullptr;
  std::uint16_t first_port_ = 0;
  std::uint8_t ports_ = 0;
};

// What was inside, counted once for a session's packets that follow each other.
class ReceivedSums {
 public:
  explicit ReceivedSums(WorkerContext* worker) : worker_(worker) {}
  ReceivedSums(const ReceivedSums&) = delete;
  ReceivedSums& operator=(const ReceivedSums&) = delete;
  ~ReceivedSums() { settle(); }

  void add(const Session* session, std::uint16_t length) {
    if (session != session_) {
      settle();
      session_ = session;
    }
    ++packets_;
    bytes_ += length;
  }

 private:
  void settle() {
    if (session_ != nullptr) {
      PeerCounters& counters = worker_->peer_counters[session_->peer];
      counters.rx_packets.add(packets_);
      counters.rx_bytes.add(bytes_);
    }
    packets_ = bytes_ = 0;
  }

  WorkerContext* worker_;
  const Session* session_ = nullptr;
  std::uint64_t packets_ = 0;
  std::uint64_t bytes_ = 0;
};

// The peer has a new address. Only what was authenticated, is no replay and is the newest that
// its session has seen says so: what somebody held back and sends later from elsewhere moves
// nobody.
inline void tell_move(const Lane& lane, WorkerContext* worker) {
  if (lane.counter + 1 < lane.session->window.received()) {
    return;
  }
  if (!worker->move_notices.take(worker->now_tsc)) {
    return;
  }
  // Only the headers go to the manager: the packet itself is on its way. Without a buffer to spare
  // the next packet will tell.
  rte_mbuf* copy = rte_pktmbuf_alloc(lane.mbuf->pool);
  if (copy == nullptr) {
    return;
  }
  const std::uint16_t size = lane.udp_offset + sizeof(wire::UdpHeader);
  std::memcpy(rte_pktmbuf_append(copy, size), lane.ip, size);
  *packet_note(copy) = PacketNote{.kind = NoteKind::moved,
                                  .origin = lane.origin,
                                  .port = lane.port,
                                  .interface = lane.interface,
                                  .peer = lane.session->peer,
                                  .local_id = lane.session->local_id};
  if (rte_ring_sp_enqueue(worker->to_manager[static_cast<std::size_t>(UpRing::control)], copy) !=
      0) {
    rte_pktmbuf_free(copy);
  }
}

// The header is as its sender made it, and learns of the congestion that the outer one met.
inline Drop take_over_ecn(std::byte* inner, Family family, const Lane& lane) {
  const std::uint8_t outer = wire::traffic_class(lane.ip, lane.family) & wire::kEcnMask;
  if (outer == wire::kEcnNotCapable) {
    return Drop::none;
  }
  const std::uint8_t before = wire::traffic_class(inner, family);
  const auto ecn = wire::decapsulated_ecn(before & wire::kEcnMask, outer);
  if (!ecn) {
    return Drop::ecn_not_capable;
  }
  if (*ecn != (before & wire::kEcnMask)) {
    wire::set_traffic_class(inner, family,
                            static_cast<std::uint8_t>((before & ~wire::kEcnMask) | *ecn));
  }
  return Drop::none;
}

// The inner packet, whose header is right. Its length; 0: there is none.
inline std::uint16_t inner_length(std::span<const std::byte> text, Family* family) {
  if (const std::uint16_t plain = wire::plain_ipv4(text); plain != 0) {
    *family = Family::ipv4;
    return plain;
  }
  const auto packet = wire::parse_ip(text);
  if (!packet || (packet->family == Family::ipv4 &&
                  !wire::ipv4_checksum_ok(*reinterpret_cast<const wire::Ipv4Header*>(text.data()),
                                          packet->header_length))) {
    return 0;
  }
  *family = packet->family;
  return packet->length;
}

// The lane goes on as the packet that was inside.
inline void become_inner(Lane* lane, std::byte* inner, Family family, std::uint16_t length) {
  lane->ip = inner;
  lane->family = family;
  lane->length = length;
  lane->peer = lane->session->peer;
  lane->origin = Origin::tunnel;
  lane->opened_at = lane->interface;
  set_packet(lane->mbuf, inner, length);
}

}  // namespace gotthard::dataplane
