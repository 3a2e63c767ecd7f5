#include <cstring>

#include "dataplane/stage/local_udp.h"
#include "dataplane/stage/must_be_sealed.h"
#include "dataplane/stage/stages.h"
#include "dataplane/wire/ethernet.h"
#include "dataplane/wire/ip.h"

namespace gotthard::dataplane {
namespace {

enum class Verdict : std::uint8_t { drop, host, handshake, data, esp, route, piece };

Verdict classify_udp(const wire::IpPacket& packet, const Topology& topology, Lane* lane) {
  switch (find_listener(packet, topology, lane)) {
    case LocalUdp::data:
      return Verdict::data;
    case LocalUdp::handshake:
      return Verdict::handshake;
    case LocalUdp::esp:
      return Verdict::esp;
    case LocalUdp::hosts:
      return Verdict::host;
    case LocalUdp::refused:
      break;
  }
  return Verdict::drop;
}

bool to_group(const std::byte* ip, Family family) {
  if (family == Family::ipv4) {
    const std::uint32_t address = reinterpret_cast<const wire::Ipv4Header*>(ip)->destination.get();
    return (address >> 28) == 0xe || address == 0xffffffff;
  }
  return reinterpret_cast<const wire::Ipv6Header*>(ip)->destination[0] == 0xff;
}

bool is_local(const Topology& topology, const std::byte* ip, Family family) {
  if (family == Family::ipv4) {
    return topology.is_local4(reinterpret_cast<const wire::Ipv4Header*>(ip)->destination.raw());
  }
  return topology.is_local6(reinterpret_cast<const wire::Ipv6Header*>(ip)->destination);
}

// Link-local traffic is the twin's: it owns neighbour discovery and duplicate address detection.
bool is_link_local(const std::byte* ip, Family family) {
  if (family == Family::ipv4) {
    return false;
  }
  const auto& to = reinterpret_cast<const wire::Ipv6Header*>(ip)->destination;
  return to[0] == 0xfe && (to[1] & 0xc0) == 0x80;
}

// Of which datagram it is a piece is for the manager to find out.
bool is_our_piece(const wire::IpPacket& packet, const Topology& topology, const Lane& lane) {
  std::uint8_t protocol = packet.protocol;
  if (packet.family == Family::ipv6) {
    protocol = packet.length > packet.header_length
                   ? static_cast<std::uint8_t>(lane.ip[packet.header_length])
                   : 0;
  }
  return protocol == wire::kProtocolUdp || (protocol == wire::kProtocolEsp && topology.ipsec);
}

// For one of our addresses.
[[gnu::noinline]] Verdict classify_local(const wire::IpPacket& packet, const Topology& topology,
                                         Lane* lane) {
  if (packet.fragment) {
    return is_our_piece(packet, topology, *lane) ? Verdict::piece : Verdict::host;
  }
  if (packet.protocol == wire::kProtocolUdp) {
    return classify_udp(packet, topology, lane);
  }
  if (packet.protocol == wire::kProtocolEsp && topology.ipsec) {
    lane->udp_offset = packet.header_length;
    lane->esp_offset = packet.header_length;
    return Verdict::esp;
  }
  return Verdict::host;
}

// Any IP packet.
[[gnu::noinline]] Verdict classify_closely(std::span<const std::byte> bytes,
                                           const Topology& topology, Lane* lane) {
  const auto packet = wire::parse_ip(bytes);
  if (!packet) {
    lane->drop = Drop::bad_ip_header;
    return Verdict::drop;
  }
  if (packet->family == Family::ipv4 &&
      !wire::ipv4_checksum_ok(*reinterpret_cast<const wire::Ipv4Header*>(lane->ip),
                              packet->header_length)) {
    lane->drop = Drop::bad_ip_header;
    return Verdict::drop;
  }
  lane->family = packet->family;
  lane->length = packet->length;
  if (to_group(lane->ip, lane->family) || is_link_local(lane->ip, lane->family)) {
    return Verdict::host;
  }
  return is_local(topology, lane->ip, lane->family) ? classify_local(*packet, topology, lane)
                                                    : Verdict::route;
}

// Mostly it is IPv4 without options, whose header is right.
[[gnu::always_inline]] inline Verdict classify_ip(const Topology& topology, Lane* lane) {
  const auto bytes = frame_bytes(lane->mbuf).subspan(sizeof(wire::EthernetHeader));
  lane->ip = packet_at(lane->mbuf) + sizeof(wire::EthernetHeader);
  const std::uint16_t length = wire::plain_ipv4(bytes);
  if (length == 0) {
    return classify_closely(bytes, topology, lane);
  }
  lane->family = Family::ipv4;
  lane->length = length;
  if (to_group(lane->ip, Family::ipv4)) {
    return Verdict::host;
  }
  if (!is_local(topology, lane->ip, Family::ipv4)) {
    return Verdict::route;
  }
  const auto* ip = reinterpret_cast<const wire::Ipv4Header*>(lane->ip);
  return classify_local({.family = Family::ipv4,
                         .protocol = ip->protocol,
                         .header_length = sizeof(*ip),
                         .length = length,
                         .fragment = (ip->fragment.get() & wire::kIpv4MoreOrOffset) != 0},
                        topology, lane);
}

// What came to many stations at once is nothing to forward and nothing to answer, whatever its IP
// address (RFC 1812, 5.3.4 and 4.3.2.7): each router on the link would. It may be to all hosts of
// one of the host's own networks: the kernel knows, and forwards no such frame either.
Verdict instead_of_forwarding(const wire::Mac& to, Lane* lane) {
  if (lane->family == Family::ipv4 && wire::is_broadcast(to)) {
    return Verdict::host;
  }
  lane->drop = Drop::not_forwarded;
  return Verdict::drop;
}

// A tagged frame goes on as an untagged one that came by the port's VLAN. A tag for VLAN 0 has a
// priority only.
Drop untag(const Topology& topology, Lane* lane) {
  std::uint16_t control = lane->mbuf->vlan_tci;  // a NIC or the kernel may have taken it off
  if ((lane->mbuf->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) == 0) {
    constexpr std::size_t kAddresses = offsetof(wire::EthernetHeader, type);
    if (rte_pktmbuf_data_len(lane->mbuf) < sizeof(wire::EthernetHeader) + sizeof(wire::VlanTag)) {
      return Drop::truncated;
    }
    auto* frame = rte_pktmbuf_mtod(lane->mbuf, std::byte*);
    control = reinterpret_cast<const wire::VlanTag*>(frame + kAddresses)->control.get();
    std::memmove(frame + sizeof(wire::VlanTag), frame, kAddresses);
    rte_pktmbuf_adj(lane->mbuf, sizeof(wire::VlanTag));
  }
  if (const std::uint16_t vlan = control & wire::kVlanMask; vlan != 0) {
    lane->port = topology.place_of(abi::link_of(topology.ports[lane->port].link, vlan));
  }
  return topology.ports[lane->port].used ? Drop::none : Drop::unknown_vlan;
}

bool is_tagged(const Lane& lane) {
  return (lane.mbuf->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0 ||
         rte_pktmbuf_mtod(lane.mbuf, const wire::EthernetHeader*)->type.get() == wire::kEtherVlan;
}

// Untagged and in one segment, IPv4, to us alone: mostly they are.
bool is_usual(const rte_mbuf& mbuf, const TopologyPort& port) {
  const auto* ethernet = reinterpret_cast<const wire::EthernetHeader*>(packet_at(&mbuf));
  return mbuf.data_len >= sizeof(*ethernet) && mbuf.nb_segs == 1 &&
         (mbuf.ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) == 0 &&
         ethernet->type.get() == wire::kEtherIpv4 && wire::same(ethernet->destination, port.mac);
}

[[gnu::noinline]] Verdict classify_frame(const Topology& topology, Lane* lane) {
  if (rte_pktmbuf_data_len(lane->mbuf) < sizeof(wire::EthernetHeader)) {
    lane->drop = Drop::truncated;
    return Verdict::drop;
  }
  if (lane->mbuf->nb_segs != 1 && rte_pktmbuf_linearize(lane->mbuf) != 0) {
    lane->drop = Drop::truncated;
    return Verdict::drop;
  }
  if (is_tagged(*lane)) {
    lane->drop = untag(topology, lane);
    if (lane->drop != Drop::none) {
      return Verdict::drop;
    }
  }
  const auto* ethernet = rte_pktmbuf_mtod(lane->mbuf, const wire::EthernetHeader*);
  const TopologyPort& port = topology.ports[lane->port];
  lane->origin = port.underlay ? Origin::underlay : Origin::inside;
  const bool to_us = wire::same(ethernet->destination, port.mac);
  if (!to_us && !wire::is_group(ethernet->destination)) {
    lane->drop = Drop::not_for_us;
    return Verdict::drop;
  }
  switch (ethernet->type.get()) {
    case wire::kEtherIpv4:
    case wire::kEtherIpv6: {
      const Verdict verdict = classify_ip(topology, lane);
      return verdict == Verdict::route && !to_us
                 ? instead_of_forwarding(ethernet->destination, lane)
                 : verdict;
    }
    case wire::kEtherArp:
      return Verdict::host;
    default:
      lane->drop = Drop::unknown_ethertype;
      return Verdict::drop;
  }
}

// The host gets whole frames.
void give_to_twin(Lane* lane) {
  *packet_note(lane->mbuf) = PacketNote{
      .kind = NoteKind::to_twin, .origin = lane->origin, .port = lane->port, .interface = 0};
}

}  // namespace

void classify(Burst* burst, WorkerContext* worker) {
  const Topology& topology = *worker->topology;
  const TopologyPort* port = nullptr;
  std::uint16_t number = 0;
  for (const std::uint32_t i : burst->to_classify) {
    Lane* lane = &burst->lanes[i];
    if (port == nullptr || lane->port != number) {
      number = lane->port;
      port = &topology.ports[number];
    }
    Verdict verdict;
    if (is_usual(*lane->mbuf, *port)) {
      lane->origin = port->underlay ? Origin::underlay : Origin::inside;
      verdict = classify_ip(topology, lane);
    } else {
      verdict = classify_frame(topology, lane);
    }
    if (verdict == Verdict::route) {
      // From here on the packet begins with its IP header.
      set_packet(lane->mbuf, lane->ip,
                 static_cast<std::uint16_t>(rte_pktmbuf_data_len(lane->mbuf) -
                                            sizeof(wire::EthernetHeader)));
      burst->to_route.push(i);
      continue;
    }
    switch (verdict) {
      case Verdict::drop:
        drop_packet(lane, lane->drop, worker->counters);
        break;
      case Verdict::host:
        if (lane->ip != nullptr && topology.ipsec && lane->origin == Origin::underlay &&
            must_be_sealed(*burst, i, *worker)) {
          drop_packet(lane, Drop::inside_from_underlay, worker->counters);
          break;
        }
        give_to_twin(lane);
        burst->to_host.push(i);
        break;
      case Verdict::piece:
        if (!worker->pieces.take(worker->now_tsc)) {
          drop_packet(lane, Drop::outer_fragment, worker->counters);
          break;
        }
        *packet_note(lane->mbuf) =
            PacketNote{.kind = NoteKind::reassemble, .origin = lane->origin, .port = lane->port};
        burst->to_host.push(i);
        break;
      case Verdict::handshake:
        burst->to_punt.push(i);
        break;
      case Verdict::data:
        burst->to_decap.push(i);
        break;
      case Verdict::esp:
        burst->to_esp_decap.push(i);
        break;
      case Verdict::route:
        break;
    }
  }
}

}  // namespace gotthard::dataplane
