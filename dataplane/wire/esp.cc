#include "dataplane/wire/esp.h"

namespace gotthard::wire {

UdpEncapsulated classify_udp_encapsulated(std::span<const std::byte> payload) {
  if (payload.size() == 1 && payload[0] == std::byte{0xff}) {
    return UdpEncapsulated::keepalive;
  }
  if (payload.size() < sizeof(EspHeader)) {
    return UdpEncapsulated::invalid;
  }
  const auto* header = reinterpret_cast<const EspHeader*>(payload.data());
  return header->spi.raw() == 0 ? UdpEncapsulated::ike : UdpEncapsulated::esp;
}

}  // namespace gotthard::wire
