#include "dataplane/stage/local_udp.h"

#include "dataplane/wire/esp.h"
#include "dataplane/wire/udp.h"
#include "dataplane/wire/wireguard.h"

namespace gotthard::dataplane {
namespace {

// ESP in UDP, and what else comes to that port (RFC 3948, 2). IKE is the host's if it is not ours.
LocalUdp find_encapsulated(std::uint16_t udp_length, bool speaks_ike, Lane* lane) {
  const std::size_t offset = lane->udp_offset + sizeof(wire::UdpHeader);
  switch (
      wire::classify_udp_encapsulated({lane->ip + offset, udp_length - sizeof(wire::UdpHeader)})) {
    case wire::UdpEncapsulated::esp:
      lane->esp_offset = static_cast<std::uint16_t>(offset);
      return LocalUdp::esp;
    case wire::UdpEncapsulated::ike:
      return speaks_ike ? LocalUdp::handshake : LocalUdp::hosts;
    case wire::UdpEncapsulated::keepalive:
      lane->drop = Drop::esp_keepalive;
      return LocalUdp::refused;
    case wire::UdpEncapsulated::invalid:
      break;
  }
  lane->drop = Drop::esp_bad_length;
  return LocalUdp::refused;
}

}  // namespace

LocalUdp find_listener(const wire::IpPacket& packet, const Topology& topology, Lane* lane) {
  if (packet.length < packet.header_length + sizeof(wire::UdpHeader)) {
    lane->drop = Drop::bad_udp_length;
    return LocalUdp::refused;
  }
  const auto* udp = reinterpret_cast<const wire::UdpHeader*>(lane->ip + packet.header_length);
  const std::uint16_t interface = topology.listener(udp->destination.raw());
  if (interface == abi::kMaxInterfaces) {
    return LocalUdp::hosts;
  }
  const std::uint16_t udp_length = udp->length.get();
  const bool ipsec = topology.interfaces[interface].kind == abi::TunnelKind::ipsec;
  if (udp_length < sizeof(wire::UdpHeader) + (ipsec ? 0 : sizeof(std::uint32_t)) ||
      udp_length > packet.length - packet.header_length) {
    lane->drop = Drop::bad_udp_length;
    return LocalUdp::refused;
  }
  lane->udp_offset = packet.header_length;
  lane->length = static_cast<std::uint16_t>(packet.header_length + udp_length);
  if (ipsec) {
    const bool speaks_ike = topology.ike_interface != abi::kMaxInterfaces;
    lane->interface = speaks_ike ? topology.ike_interface : interface;
    return udp->destination.raw() == htons(abi::kIkePort)
               ? LocalUdp::handshake
               : find_encapsulated(udp_length, speaks_ike, lane);
  }
  if (!topology.interfaces[interface].up) {
    lane->drop = Drop::interface_down;
    return LocalUdp::refused;
  }
  lane->interface = interface;
  const auto* type = reinterpret_cast<const wire::Little32*>(udp + 1);
  switch (type->get()) {
    case wire::kWgData:
      return LocalUdp::data;
    case wire::kWgInitiation:
    case wire::kWgResponse:
    case wire::kWgCookieReply:
      return LocalUdp::handshake;
    default:
      lane->drop = Drop::wg_bad_type;
      return LocalUdp::refused;
  }
}

}  // namespace gotthard::dataplane
