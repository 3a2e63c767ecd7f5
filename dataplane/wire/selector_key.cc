#include "dataplane/wire/selector_key.h"

#include <utility>

namespace gotthard::wire {
namespace {

struct Ports {
  std::uint32_t source = kNoPort;
  std::uint32_t destination = kNoPort;
};

SelectorNumber number_of(const std::array<std::uint8_t, 16>& address) {
  SelectorNumber number = 0;
  for (const std::uint8_t byte : address) {
    number = number << 8 | byte;
  }
  return number;
}

Ports ports_of(std::uint8_t protocol, std::span<const std::byte> transport) {
  constexpr std::uint8_t kSctp = 132, kUdpLite = 136, kDccp = 33;
  if (transport.size() < 4) {
    return {};
  }
  const auto* words = reinterpret_cast<const Big16*>(transport.data());
  switch (protocol) {
    case kProtocolTcp:
    case kProtocolUdp:
    case kSctp:
    case kUdpLite:
    case kDccp:
      return {.source = words[0].get(), .destination = words[1].get()};
    case kProtocolIcmp:
    case kProtocolIcmpv6:
      return {.source = words[0].get(), .destination = words[0].get()};  // type, code
    default:
      return {};
  }
}

}  // namespace

SelectorNumber selector_number(const abi::Address& address) {
  const SelectorNumber number = number_of(address.bytes);
  return address.family == Family::ipv4 ? number >> 96 : number;
}

SelectorKey selector_key(std::span<const std::byte> packet, Family family, Direction direction) {
  SelectorNumber source = 0;
  SelectorNumber destination = 0;
  std::uint32_t protocol = kNoProtocol;
  Ports ports;
  if (family == Family::ipv4) {
    const auto* ip = reinterpret_cast<const Ipv4Header*>(packet.data());
    source = ip->source.get();
    destination = ip->destination.get();
    protocol = ip->protocol;
    const std::size_t header = (ip->version_ihl & 0x0fU) * 4;
    // A later fragment has no ports in it.
    if ((ip->fragment.get() & 0x1fff) == 0 && header <= packet.size()) {
      ports = ports_of(ip->protocol, packet.subspan(header));
    }
  } else {
    const auto* ip = reinterpret_cast<const Ipv6Header*>(packet.data());
    source = number_of(ip->source);
    destination = number_of(ip->destination);
    if (const auto upper = upper_layer6(packet)) {
      protocol = upper->protocol;
      if (upper->offset <= packet.size()) {
        ports = ports_of(upper->protocol, packet.subspan(upper->offset));
      }
    }
  }
  if (direction == Direction::inbound) {
    std::swap(source, destination);
    std::swap(ports.source, ports.destination);
  }
  return {.family = family,
          .numbers = {destination, source, ports.destination, ports.source, protocol}};
}

}  // namespace gotthard::wire
