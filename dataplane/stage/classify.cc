#include <cstring>

#include "dataplane/stage/stages.h"
#include "dataplane/wire/esp.h"
#include "dataplane/wire/ethernet.h"
#include "dataplane/wire/ip.h"
#include "dataplane/wire/udp.h"
#include "dataplane/wire/wireguard.h"

namespace gotthard::dataplane {
namespace {

enum class Verdict : std::uint8_t { drop, host, handshake, data, esp, route, piece };

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

// ESP in UDP, and what else comes to that port (RFC 3948, 2). IKE is the host's.
Verdict classify_udp_encapsulated(std::uint16_t udp_length, Lane* lane) {
  const std::size_t offset = lane->udp_offset + sizeof(wire::UdpHeader);
  const std::span<const std::byte> payload(lane->ip + offset,
                                           udp_length - sizeof(wire::UdpHeader));
  switch (wire::classify_udp_encapsulated(payload)) {
    case wire::UdpEncapsulated::esp:
      lane->esp_offset = static_cast<std::uint16_t>(offset);
      return Verdict::esp;
    case wire::UdpEncapsulated::ike:
      return Verdict::host;
    case wire::UdpEncapsulated::keepalive:
      lane->drop = Drop::esp_keepalive;
      return Verdict::drop;
    case wire::UdpEncapsulated::invalid:
      break;
  }
  lane->drop = Drop::esp_bad_length;
  return Verdict::drop;
}

// UDP for a local address: ours when a tunnel listens at its port, else the host's.
Verdict classify_udp(const wire::IpPacket& packet, const Topology& topology, Lane* lane) {
  if (packet.length < packet.header_length + sizeof(wire::UdpHeader)) {
    lane->drop = Drop::bad_udp_length;
    return Verdict::drop;
  }
  const auto* udp = reinterpret_cast<const wire::UdpHeader*>(lane->ip + packet.header_length);
  const std::uint16_t interface = topology.listener(udp->destination.raw());
  if (interface == abi::kMaxInterfaces) {
    return Verdict::host;
  }
  const std::uint16_t udp_length = udp->length.get();
  const bool ipsec = topology.interfaces[interface].kind == abi::TunnelKind::ipsec;
  if (udp_length < sizeof(wire::UdpHeader) + (ipsec ? 0 : sizeof(std::uint32_t)) ||
      udp_length > packet.length - packet.header_length) {
    lane->drop = Drop::bad_udp_length;
    return Verdict::drop;
  }
  if (ipsec) {  // the SPI says of which interface
    lane->udp_offset = packet.header_length;
    lane->length = static_cast<std::uint16_t>(packet.header_length + udp_length);
    return classify_udp_encapsulated(udp_length, lane);
  }
  if (!topology.interfaces[interface].up) {
    lane->drop = Drop::interface_down;
    return Verdict::drop;
  }
  lane->interface = interface;
  lane->udp_offset = packet.header_length;
  lane->length = static_cast<std::uint16_t>(packet.header_length + udp_length);
  const auto* type = reinterpret_cast<const wire::Little32*>(udp + 1);
  switch (type->get()) {
    case wire::kWgData:
      return Verdict::data;
    case wire::kWgInitiation:
    case wire::kWgResponse:
    case wire::kWgCookieReply:
      return Verdict::handshake;
    default:
      lane->drop = Drop::wg_bad_type;
      return Verdict::drop;
  }
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

Verdict classify_ip(const Topology& topology, Lane* lane) {
  const auto frame = frame_bytes(lane->mbuf);
  lane->ip = rte_pktmbuf_mtod_offset(lane->mbuf, std::byte*, sizeof(wire::EthernetHeader));
  const auto packet = wire::parse_ip(frame.subspan(sizeof(wire::EthernetHeader)));
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
  if (!is_local(topology, lane->ip, lane->family)) {
    return Verdict::route;
  }
  if (packet->fragment) {
    return is_our_piece(*packet, topology, *lane) ? Verdict::piece : Verdict::host;
  }
  if (packet->protocol == wire::kProtocolUdp) {
    return classify_udp(*packet, topology, lane);
  }
  if (packet->protocol == wire::kProtocolEsp && topology.ipsec) {
    lane->udp_offset = packet->header_length;
    lane->esp_offset = packet->header_length;
    return Verdict::esp;
  }
  return Verdict::host;
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

Verdict classify_frame(const Topology& topology, Lane* lane) {
  if (rte_pktmbuf_data_len(lane->mbuf) < sizeof(wire::EthernetHeader)) {
    lane->drop = Drop::truncated;
    return Verdict::drop;
  }
  if (lane->mbuf->nb_segs != 1 && rte_pktmbuf_linearize(lane->mbuf) != 0) {
    lane->drop = Drop::truncated;
    return Verdict::drop;
  }
  const auto* ethernet = rte_pktmbuf_mtod(lane->mbuf, const wire::EthernetHeader*);
  const TopologyPort& port = topology.ports[lane->port];
  lane->origin = port.underlay ? Origin::underlay : Origin::inside;
  const bool to_us = ethernet->destination == port.mac;
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
  for (const std::uint32_t i : burst->to_classify) {
    Lane* lane = &burst->lanes[i];
    switch (classify_frame(topology, lane)) {
      case Verdict::drop:
        drop_packet(lane, lane->drop, worker->counters);
        break;
      case Verdict::host:
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
        // From here on the packet begins with its IP header.
        rte_pktmbuf_adj(lane->mbuf, sizeof(wire::EthernetHeader));
        burst->to_route.push(i);
        break;
    }
  }
}

}  // namespace gotthard::dataplane
