#include <algorithm>

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

}  // namespace

void neighbour(Burst* burst, WorkerContext* worker) {
  for (const std::uint32_t i : burst->to_neighbour) {
    Lane* lane = &burst->lanes[i];
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
    const std::uint16_t mtu = lane->mtu != 0 ? std::min(lane->mtu, port.mtu) : port.mtu;
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
    lane->port = port.port();
    burst->to_tx.push(i);
  }
}

}  // namespace gotthard::dataplane
