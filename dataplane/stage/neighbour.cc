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
                                        .neighbour = lane->neighbour};
}

}  // namespace

void neighbour(Burst* burst, WorkerContext* worker) {
  for (const std::uint32_t i : burst->to_neighbour) {
    Lane* lane = &burst->lanes[i];
    const Neighbour to = worker->shared->hops.neighbour(lane->neighbour);
    if (!to.known) {
      drop_packet(lane, Drop::neighbour_unresolved, worker->counters);
      continue;
    }
    const TopologyPort& port = worker->topology->ports[to.port];
    if (leaks(*lane, port.underlay)) {
      drop_packet(lane, Drop::plain_to_underlay, worker->counters);
      continue;
    }
    if (lane->length > port.mtu && lane->origin == Origin::outer) {
      *packet_note(lane->mbuf) = PacketNote{.kind = NoteKind::fragment_outer,
                                            .origin = lane->origin,
                                            .mtu = port.mtu,
                                            .neighbour = lane->neighbour};
      burst->to_host.push(i);
      continue;
    }
    if (lane->length > port.mtu) {
      drop_packet(lane, Drop::too_big, worker->counters);
      continue;
    }
    if (!to.reachable) {
      wait_for_neighbour(lane);
      burst->to_host.push(i);
      continue;
    }
    auto* ethernet = reinterpret_cast<wire::EthernetHeader*>(
        rte_pktmbuf_prepend(lane->mbuf, sizeof(wire::EthernetHeader)));
    if (ethernet == nullptr) {
      drop_packet(lane, Drop::too_big, worker->counters);
      continue;
    }
    ethernet->destination = to.mac;
    ethernet->source = port.mac;
    ethernet->type.set(lane->family == Family::ipv4 ? wire::kEtherIpv4 : wire::kEtherIpv6);
    lane->port = to.port;
    burst->to_tx.push(i);
  }
}

}  // namespace gotthard::dataplane
