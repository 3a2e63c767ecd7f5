// What the stages that seal packets share: counters, outer headers, what cannot be sealed now.
#pragma once

#include <array>
#include <cstring>

#include "dataplane/packet.h"
#include "dataplane/wire/ecn.h"
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

// Takes one block of counters per session for the whole burst (no two workers ever get the same
// number), and deals it out in order. `message_limit` is at most 2^63, and workers stop at
// `exhausted`, so that the counter cannot come round.
class CounterBlocks {
 public:
  // `bytes` are the text's, for sessions that have a limit of them.
  void count(const Session* session, std::uint32_t bytes = 0) {
    Entry* e = entry(session);
    ++e->size;
    e->bytes += bytes;
  }

  // False: the session has none left.
  bool next(Session* session, std::uint64_t* counter) {
    Entry* e = entry(session);
    if (!e->taken) {
      take(session, e);
    }
    if (e->given == e->size || e->first + e->given >= session->message_limit) {
      return false;
    }
    *counter = e->first + e->given++;
    return true;
  }

 private:
  struct Entry {
    const Session* session = nullptr;
    std::uint64_t first = 0;
    std::uint32_t size = 0;
    std::uint64_t bytes = 0;
    std::uint32_t given = 0;
    bool taken = false;
  };

  static void take(Session* session, Entry* e) {
    e->taken = true;
    // The first block of bytes that would go over the limit is the end: not one more is sealed.
    const bool spent =
        session->byte_limit != kNoLimit &&
        session->sent_bytes.fetch_add(e->bytes, std::memory_order_relaxed) + e->bytes >
            session->byte_limit;
    if (spent ||
        session->next_counter.load(std::memory_order_relaxed) >= session->message_limit) {
      session->exhausted.store(true, std::memory_order_relaxed);
      e->size = 0;
      return;
    }
    e->first = session->next_counter.fetch_add(e->size, std::memory_order_relaxed);
  }

  // Open addressing; twice as many places as lanes.
  Entry* entry(const Session* session) {
    for (std::uint32_t place = session->local_id;; ++place) {
      Entry* e = &entries_[place % entries_.size()];
      if (e->session == session || e->session == nullptr) {
        e->session = session;
        return e;
      }
    }
  }

  std::array<Entry, 2 * kBurst> entries_{};
};

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

inline void count_sent(const Lane& lane, std::uint16_t inner_length, WorkerContext* worker) {
  PeerCounters& counters = worker->peer_counters[lane.peer];
  if (inner_length == 0) {
    counters.tx_keepalives.add(1);
    return;
  }
  counters.tx_packets.add(1);
  counters.tx_bytes.add(inner_length);
}

// IPv6 has no packets without a checksum (RFC 8200, 8.1); over IPv4 none is sent, the tag protects
// more than it would.
inline void finish_checksum(Lane* lane) {
  if (lane->family == Family::ipv6) {
    auto* udp = reinterpret_cast<wire::UdpHeader*>(lane->ip + sizeof(wire::Ipv6Header));
    udp->checksum.set(wire::udp_checksum(lane->ip, Family::ipv6, udp));
  }
}

inline void drop_unsealed(Lane* lane, Drop reason, WorkerContext* worker) {
  worker->peer_counters[lane->peer].drops.add(1);
  drop_packet(lane, reason, worker->counters);
}

}  // namespace gotthard::dataplane
