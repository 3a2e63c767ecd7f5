// A burst on its way through the stages: a lane a packet, and for each stage the list of lanes that
// it is to work on. Lives on the worker's stack and never leaves it.
#pragma once

#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>

#include "dataplane/abi/drop.h"
#include "dataplane/abi/limits.h"
#include "dataplane/abi/records.h"
#include "dataplane/buffer.h"
#include "dataplane/counters.h"
#include "dataplane/room.h"

namespace gotthard::dataplane {

using abi::Family;

inline constexpr std::uint32_t kBurst = 32;

struct Session;

// Where a packet came from decides where it may go.
enum class Origin : std::uint8_t {
  inside,    // plain, from an inside port
  underlay,  // plain, from an underlay port
  tunnel,    // opened, its source checked against its peer's allowed IPs
  host,      // from a TUN: the gateway's own
  outer,     // sealed by us
};

// One line of the cache.
struct Lane {
  rte_mbuf* mbuf = nullptr;
  std::byte* ip = nullptr;  // IP header being worked on; of the inner packet once opened
  Session* session = nullptr;
  std::uint64_t counter = 0;
  // These four are one word: packets that have it in common leave in the same way.
  alignas(8) std::uint32_t neighbour = abi::kNoNeighbour;
  std::uint16_t mtu = 0;  // of what it goes into, once routed
  Family family = Family::none;
  Origin origin = Origin::inside;
  std::uint32_t peer = abi::kNoPeer;
  std::uint16_t length = 0;      // of the IP packet
  std::uint16_t udp_offset = 0;  // classified as a tunnel's: the UDP header, from `ip`
  std::uint16_t esp_offset = 0;  // classified as ESP: its header, from `ip`; without UDP as above
  std::uint16_t port = 0;  // where it arrived or leaves: place in the topology; at tx, of the port
  std::uint16_t interface = 0;  // tunnel that it came from or goes into
  std::uint16_t opened_at = 0;  // Origin::tunnel: the tunnel that it came from
  Drop drop = Drop::none;
  bool allow_plain = false;  // its route may leave the underlay unsealed
  bool answer = false;       // an ICMP error that we send
  std::uint8_t bucket = 0;   // of its peer, when others open too (table/resequencer.h)

  [[nodiscard]] std::uint64_t way_out() const {
    std::uint64_t word;
    std::memcpy(&word, &neighbour, sizeof(word));
    return word;
  }
};
static_assert(sizeof(Lane) == 64);
static_assert(offsetof(Lane, origin) - offsetof(Lane, neighbour) == 7);

struct LaneList {
  std::uint32_t size = 0;
  std::array<std::uint8_t, kBurst> lanes;

  void push(std::uint32_t lane) { lanes[size++] = static_cast<std::uint8_t>(lane); }
  [[nodiscard]] const std::uint8_t* begin() const { return lanes.data(); }
  [[nodiscard]] const std::uint8_t* end() const { return lanes.data() + size; }
};

// What the manager is to do with a mbuf that a worker hands to it, and the other way round; kept in
// the mbuf itself (see packet_note()).
enum class NoteKind : std::uint8_t {
  to_twin,         // frame for the twin of `port`
  to_tun,          // IP packet for the TUN of `interface`
  punt,            // IP packet with a handshake message for `interface`
  park_neighbour,  // IP packet waiting for `neighbour`
  park_glean,      // IP packet whose destination at `port` is to be resolved
  park_session,    // IP packet waiting for a session with `peer`
  moved,           // IP header and UDP header of an authenticated packet of `peer`, copied
  send_frame,      // manager -> worker: frame for `port`
  send_ip,         // manager -> worker: IP packet for `neighbour`
  seal,            // manager -> worker: IP packet for `peer`; empty: a keepalive
  route,           // manager -> worker: a parked packet goes on where it left
  fragment,        // IP packet to be cut to `mtu`; its pieces go on at `route`
  fragment_outer,  // the same for a sealed one; its pieces go to `neighbour`, or into `peer`'s
                   // tunnel
  reassemble,      // frame from `port` with a piece of a datagram for us
  classify,        // manager -> worker: frame from `port`, put together
};

// Handshake messages are policed by class before they reach control; messages that carry a mac2
// have their own class, so that peers which answered a cookie are heard under a flood.
// IKE has one for what may begin an SA, and one for what names an SA.
enum class PuntClass : std::uint8_t {
  initiation,
  initiation_with_mac2,
  response,
  cookie,
  ike_first,
  ike_later,
  count
};

struct PacketNote {
  NoteKind kind = NoteKind::to_twin;
  Origin origin = Origin::inside;
  bool answer = false;
  bool allow_plain = false;
  PuntClass punt_class = PuntClass::initiation;
  std::uint16_t port = 0;
  std::uint16_t interface = 0;
  std::uint16_t mtu = 0;
  std::uint32_t peer = abi::kNoPeer;
  std::uint32_t neighbour = abi::kNoNeighbour;
  std::uint32_t local_id = 0;
};

// Registers the room for notes; once, before any worker runs. False when DPDK has none left.
[[nodiscard]] bool register_packet_note();
extern int packet_note_offset;
[[nodiscard]] inline PacketNote* packet_note(rte_mbuf* mbuf) {
  return RTE_MBUF_DYNFIELD(mbuf, packet_note_offset, PacketNote*);
}

struct Burst {
  std::uint32_t size = 0;
  bool backlog = false;  // its queue gave as many as it was asked for
  Room<Lane, kBurst> lanes;

  LaneList to_classify, to_punt, to_decap, to_esp_decap, to_route, to_mtu, to_encap, to_esp_encap,
      to_icmp, to_neighbour, to_tx, to_host;
  // Tunnels within tunnels: what was opened is sealed, and what was sealed is to be sealed again.
  LaneList again_decap, again_esp_decap, again_punt, again_encap, again_esp_encap;

  // Takes a received or handed-over mbuf; the caller fills the lane.
  Lane* add(rte_mbuf* mbuf) { return new (lanes.at(size++)) Lane{.mbuf = mbuf}; }
};

[[nodiscard]] inline std::span<const std::byte> frame_bytes(const rte_mbuf* mbuf) {
  return {rte_pktmbuf_mtod(mbuf, const std::byte*), rte_pktmbuf_data_len(mbuf)};
}

inline void count_drop(Lane* lane, Drop reason, WorkerCounters* counters) {
  lane->drop = reason;
  counters->drops[static_cast<std::size_t>(reason)].add(1);
}

// Ends a lane: counts the reason, gives the mbuf back.
inline void drop_packet(Lane* lane, Drop reason, WorkerCounters* counters) {
  count_drop(lane, reason, counters);
  rte_pktmbuf_free(lane->mbuf);
}

}  // namespace gotthard::dataplane
