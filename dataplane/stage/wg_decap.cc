#include <arpa/inet.h>

#include <array>
#include <cstring>

#include "dataplane/stage/lookup.h"
#include "dataplane/stage/stages.h"
#include "dataplane/wire/ecn.h"
#include "dataplane/wire/ip.h"
#include "dataplane/wire/udp.h"
#include "dataplane/wire/wireguard.h"

namespace gotthard::dataplane {
namespace {

// Lanes of one session, in order of arrival, so that the window is committed in one go.
struct Opened {
  std::uint32_t size = 0;
  std::array<std::uint8_t, kBurst> lanes;
};

const wire::WgDataHeader* data_header(const Lane& lane) {
  return reinterpret_cast<const wire::WgDataHeader*>(lane.ip + lane.udp_offset +
                                                     sizeof(wire::UdpHeader));
}

std::size_t message_length(const Lane& lane) {
  return lane.length - lane.udp_offset - sizeof(wire::UdpHeader);
}

// Everything that can be refused before any cryptography.
Drop find_session(Lane* lane, const WorkerContext& worker) {
  if (message_length(*lane) < wire::kWgDataMinimum) {
    return Drop::wg_bad_length;
  }
  const wire::WgDataHeader* header = data_header(*lane);
  lane->session = worker.shared->sessions.find(header->receiver.get());
  if (lane->session == nullptr || lane->session->interface != lane->interface) {
    return Drop::wg_unknown_session;
  }
  lane->counter = header->counter.get();
  if (lane->counter >= lane->session->message_limit) {
    return Drop::wg_counter_limit;
  }
  if (lane->session->too_old(worker.now_tsc)) {
    return Drop::wg_session_expired;
  }
  switch (lane->session->window.precheck(lane->counter)) {
    case ReplayWindow::Verdict::accept:
      return Drop::none;
    case ReplayWindow::Verdict::replay:
      return Drop::wg_replay;
    case ReplayWindow::Verdict::late:
      return Drop::wg_late;
  }
  return Drop::wg_replay;
}

crypto::AeadJob open_job(const Lane& lane) {
  auto* text = lane.ip + lane.udp_offset + sizeof(wire::UdpHeader) + sizeof(wire::WgDataHeader);
  const auto length = static_cast<std::uint32_t>(message_length(lane) - wire::kWgDataMinimum);
  crypto::AeadJob job{
      .key = &lane.session->open_key, .text = text, .length = length, .tag = text + length};
  std::memcpy(job.nonce.data() + 4, &lane.counter, sizeof(lane.counter));
  return job;
}

// Marks the counters of authentic packets; what the window refuses now arrived twice, in this burst
// or on another worker, or fell behind while it was being opened.
void commit(Burst* burst, const LaneList& authentic, WorkerContext* worker) {
  std::uint64_t done = 0;
  for (std::uint32_t first = 0; first < authentic.size; ++first) {
    if ((done >> first & 1) != 0) {
      continue;
    }
    Session* session = burst->lanes[authentic.lanes[first]].session;
    Opened group;
    std::array<std::uint64_t, kBurst> counters;
    std::array<ReplayWindow::Verdict, kBurst> verdicts;
    for (std::uint32_t i = first; i < authentic.size; ++i) {
      const Lane& lane = burst->lanes[authentic.lanes[i]];
      if (lane.session == session) {
        done |= std::uint64_t{1} << i;
        counters[group.size] = lane.counter;
        group.lanes[group.size++] = authentic.lanes[i];
      }
    }
    session->window.commit({counters.data(), group.size}, {verdicts.data(), group.size});
    for (std::uint32_t i = 0; i < group.size; ++i) {
      Lane* lane = &burst->lanes[group.lanes[i]];
      if (verdicts[i] != ReplayWindow::Verdict::accept) {
        const bool late = verdicts[i] == ReplayWindow::Verdict::late;
        drop_packet(lane, late ? Drop::wg_late : Drop::wg_replay, worker->counters);
      }
    }
    // Idempotent: a responder's session becomes the one to seal with.
    if (!session->confirmed.load(std::memory_order_relaxed)) {
      session->confirmed.store(true, std::memory_order_relaxed);
    }
  }
}

// The peer may have a new address. Only what was authenticated, is no replay and is the newest that
// its session has seen says so: what somebody held back and sends later from elsewhere moves
// nobody.
void notice_move(const Lane& lane, WorkerContext* worker) {
  const OuterTemplate* outer =
      worker->shared->peers[lane.session->peer].outer.load(std::memory_order_acquire);
  const auto* udp = reinterpret_cast<const wire::UdpHeader*>(lane.ip + lane.udp_offset);
  const abi::Address from = wire::source_of(lane.ip, lane.family);
  // A peer may spread its flows over as many source ports as we do: they are one endpoint.
  const std::uint8_t ports = worker->topology->interfaces[lane.interface].source_ports;
  if (outer != nullptr && outer->endpoint.remote == from &&
      static_cast<std::uint16_t>(udp->source.get() - ntohs(outer->endpoint.remote_port)) < ports) {
    return;
  }
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
Drop check_inner(std::byte* inner, const wire::IpPacket& packet, const Lane& lane) {
  if (packet.family == Family::ipv4 &&
      !wire::ipv4_checksum_ok(*reinterpret_cast<const wire::Ipv4Header*>(inner),
                              packet.header_length)) {
    return Drop::wg_inner_invalid;
  }
  const std::uint8_t before = wire::traffic_class(inner, packet.family);
  const auto ecn = wire::decapsulated_ecn(
      before & wire::kEcnMask, wire::traffic_class(lane.ip, lane.family) & wire::kEcnMask);
  if (!ecn) {
    return Drop::ecn_not_capable;
  }
  if (*ecn != (before & wire::kEcnMask)) {
    wire::set_traffic_class(inner, packet.family,
                            static_cast<std::uint8_t>((before & ~wire::kEcnMask) | *ecn));
  }
  return Drop::none;
}

// Strips what surrounded the inner packet. False: nothing inside to route (a keepalive, or
// invalid).
bool unwrap(Lane* lane, WorkerContext* worker) {
  PeerCounters& counters = worker->peer_counters[lane->session->peer];
  std::byte* inner =
      lane->ip + lane->udp_offset + sizeof(wire::UdpHeader) + sizeof(wire::WgDataHeader);
  const std::size_t length = message_length(*lane) - wire::kWgDataMinimum;
  if (length == 0) {
    counters.rx_keepalives.add(1);
    rte_pktmbuf_free(lane->mbuf);
    return false;
  }
  const auto packet = wire::parse_ip({inner, length});
  const Drop reason = packet ? check_inner(inner, *packet, *lane) : Drop::wg_inner_invalid;
  if (reason != Drop::none) {
    counters.drops.add(1);
    drop_packet(lane, reason, worker->counters);
    return false;
  }
  counters.rx_packets.add(1);
  counters.rx_bytes.add(packet->length);
  lane->outer = lane->ip;
  lane->ip = inner;
  lane->family = packet->family;
  lane->length = packet->length;
  lane->peer = lane->session->peer;
  lane->origin = Origin::tunnel;
  lane->opened_at = lane->interface;
  rte_pktmbuf_adj(lane->mbuf,
                  static_cast<std::uint16_t>(inner - rte_pktmbuf_mtod(lane->mbuf, std::byte*)));
  rte_pktmbuf_trim(lane->mbuf, rte_pktmbuf_data_len(lane->mbuf) - packet->length);
  return true;
}

// Cryptokey routing: the inner source must be the peer's (whitepaper, section 2).
void check_sources(Burst* burst, const LaneList& unwrapped, WorkerContext* worker) {
  std::array<std::uint64_t, kBurst> owners;
  lookup<LookupKey::source>(*burst, unwrapped, *worker->shared->tables, abi::Table::sources,
                            owners.data());
  for (std::uint32_t i = 0; i < unwrapped.size; ++i) {
    Lane* lane = &burst->lanes[unwrapped.lanes[i]];
    if (worker->shared->hops.owner_of(owners[i], lane->interface) != lane->peer) {
      worker->peer_counters[lane->peer].drops.add(1);
      drop_packet(lane, Drop::wg_source_denied, worker->counters);
      continue;
    }
    burst->to_route.push(unwrapped.lanes[i]);
  }
}

}  // namespace

void wg_decap(Burst* burst, WorkerContext* worker) {
  std::array<crypto::AeadJob, kBurst> jobs;
  LaneList sealed;
  for (const std::uint32_t i : burst->to_decap) {
    Lane* lane = &burst->lanes[i];
    if (const Drop reason = find_session(lane, *worker); reason != Drop::none) {
      drop_packet(lane, reason, worker->counters);
      continue;
    }
    jobs[sealed.size] = open_job(*lane);
    sealed.push(i);
  }
  if (sealed.size == 0) {
    return;
  }

  const std::uint64_t authentic_mask = worker->aead->open({jobs.data(), sealed.size});
  LaneList authentic;
  for (std::uint32_t i = 0; i < sealed.size; ++i) {
    Lane* lane = &burst->lanes[sealed.lanes[i]];
    if ((authentic_mask >> i & 1) != 0) {
      authentic.push(sealed.lanes[i]);
    } else {
      worker->peer_counters[lane->session->peer].drops.add(1);
      drop_packet(lane, Drop::wg_open_failed, worker->counters);
    }
  }
  commit(burst, authentic, worker);

  LaneList unwrapped;
  for (const std::uint32_t i : authentic) {
    Lane* lane = &burst->lanes[i];
    if (lane->drop != Drop::none) {
      continue;
    }
    notice_move(*lane, worker);
    if (unwrap(lane, worker)) {
      unwrapped.push(i);
    }
  }
  check_sources(burst, unwrapped, worker);
}

}  // namespace gotthard::dataplane
