#include "dataplane/stage/local_udp.h"

#include "dataplane/wire/udp.h"
#include "dataplane/wire/wireguard.h"

namespace gotthard::dataplane {

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
  if (udp_length < sizeof(wire::UdpHeader) + sizeof(std::uint32_t) ||
      udp_length > packet.length - packet.header_length) {
    lane->drop = Drop::bad_udp_length;
    return LocalUdp::refused;
  }
  if (!topology.interfaces[interface].up) {
    lane->drop = Drop::interface_down;
    return LocalUdp::refused;
  }
  lane->interface = interface;
  lane->udp_offset = packet.header_length;
  lane->length = static_cast<std::uint16_t>(packet.header_length + udp_length);
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
