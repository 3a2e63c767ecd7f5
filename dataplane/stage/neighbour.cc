#include <algorithm>
#include <array>
#include <cstring>

#include "dataplane/stage/stages.h"
#include "dataplane/wire/ethernet.h"

namespace gotthard::dataplane {
namespace {

// The last gate before a port: whatever was decided before, nothing that was not sealed leaves the
// underlay unless its route allows it.
bool leaks(const Lane& lane, bool underlay) {
  return underlay && lane.origin != Origin::outer && lane.origin != Origin::underlay &&
         !lane.allow_plain;
}

void wait_for_neighbour(Lane* lane) {
  *packet_note(lane->mbuf) = PacketNote{.kind = NoteKind::park_neighbour,
                                        .origin = lane->origin,
                                        .answer = lane->answer,
                                        .allow_plain = lane->allow_plain,
                                        .port = lane->port,
                                        .interface = lane->interface,
                                        .mtu = lane->mtu,
                                        .neighbour = lane->neighbour};
}

// False: the buffer has no room for it.
bool write_header(Lane* lane, const Hops::NeighbourWord& to, const TopologyPort& port) {
  const std::uint16_t type = lane->family == Family::ipv4 ? wire::kEtherIpv4 : wire::kEtherIpv6;
  const std::size_t tag = port.vlan() != 0 ? sizeof(wire::VlanTag) : 0;
  const auto size = static_cast<std::uint16_t>(sizeof(wire::EthernetHeader) + tag);
  if (rte_pktmbuf_headroom(lane->mbuf) < size) {
    return false;
  }
  std::byte* frame = lane->ip - size;
  set_packet(lane->mbuf, frame, static_cast<std::uint16_t>(lane->length + size));
  auto* ethernet = reinterpret_cast<wire::EthernetHeader*>(frame);
  to.write_mac(&ethernet->destination);
  ethernet->source = port.mac;
  ethernet->type.set(type);
  if (tag != 0) {
    wire::write_tag(ethernet, port.vlan());
  }
  return true;
}

// One after the other, most packets leave in the same way: the header is ready then.
class Departure {
 public:
  // Of a lane that leaves now by an untagged frame. Whether the underlay is open to what is plain
  // is asked of each packet.
  void remember(std::uint64_t way_out, const Lane& lane, const TopologyPort& port) {
    ready_ = port.vlan() == 0 && !(port.underlay && lane.origin != Origin::outer);
    way_out_ = way_out;
    longest_ = longest(lane.mtu, port);
    port_ = port.port();
    std::memcpy(header_.data(), packet_at(lane.mbuf), header_.size());
  }
  [[nodiscard]] bool is_of(const Lane& lane) const {
    return ready_ && lane.way_out() == way_out_ && lane.length <= longest_ &&
           lane.ip - static_cast<std::byte*>(lane.mbuf->buf_addr) >=
               static_cast<std::ptrdiff_t>(header_.size());
  }
  void take(Lane* lane) const {
    std::byte* frame = lane->ip - header_.size();
    std::memcpy(frame, header_.data(), header_.size());
    set_packet(lane->mbuf, frame, static_cast<std::uint16_t>(lane->length + header_.size()));
    lane->port = port_;
  }
  // Bytes of an IP packet that may leave in one piece.
  static std::uint16_t longest(std::uint16_t mtu, const TopologyPort& port) {
    return mtu != 0 ? std::min(mtu, port.mtu) : port.mtu;
  }

 private:
  bool ready_ = false;
  std::uint64_t way_out_ = 0;
  std::uint16_t longest_ = 0;
  std::uint16_t port_ = 0;
  std::array<std::byte, sizeof(wire::EthernetHeader)> header_{};
};

}  // namespace

void neighbour(Burst* burst, WorkerContext* worker) {
  Departure departure;
  for (const std::uint32_t i : burst->to_neighbour) {
    Lane* lane = &burst->lanes[i];
    if (departure.is_of(*lane)) {
      departure.take(lane);
      burst->to_tx.push(i);
      continue;
    }
    const auto to = worker->shared->hops.neighbour_word(lane->neighbour);
    if (!to.known) {
      drop_packet(lane, Drop::neighbour_unresolved, worker->counters);
      continue;
    }
    const TopologyPort& port = worker->topology->ports[to.port()];
    if (!port.used) {
      drop_packet(lane, Drop::unknown_vlan, worker->counters);
      continue;
    }
    if (leaks(*lane, port.underlay)) {
      drop_packet(lane, Drop::plain_to_underlay, worker->counters);
      continue;
    }
    const std::uint16_t mtu = Departure::longest(lane->mtu, port);
    if (lane->length > mtu && lane->origin == Origin::outer) {
      *packet_note(lane->mbuf) = PacketNote{.kind = NoteKind::fragment_outer,
                                            .origin = lane->origin,
                                            .mtu = mtu,
                                            .neighbour = lane->neighbour};
      burst->to_host.push(i);
      continue;
    }
    if (lane->length > port.mtu) {
      drop_packet(lane, Drop::too_big, worker->counters);
      continue;
    }
    if (!to.reachable()) {
      wait_for_neighbour(lane);
      burst->to_host.push(i);
      continue;
    }
    if (!write_header(lane, to, port)) {
      drop_packet(lane, Drop::too_big, worker->counters);
      continue;
    }
    departure.remember(lane->way_out(), *lane, port);
    lane->port = port.port();
    burst->to_tx.push(i);
  }
}

}  // namespace gotthard::dataplane
