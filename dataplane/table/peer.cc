#include "dataplane/table/peer.h"

#include <algorithm>
#include <cstring>

namespace gotthard::dataplane {
namespace {

constexpr std::uint8_t kOuterTtl = 64;

void write_ipv4(const abi::Endpoint& endpoint, OuterTemplate* result) {
  wire::Ipv4Header ip{};
  ip.version_ihl = 0x45;
  ip.ttl = kOuterTtl;
  ip.protocol = wire::kProtocolUdp;
  std::memcpy(&ip.source, endpoint.local.bytes.data(), 4);
  std::memcpy(&ip.destination, endpoint.remote.bytes.data(), 4);
  std::memcpy(result->headers.data(), &ip, sizeof(ip));
  result->headers_length = sizeof(ip) + sizeof(wire::UdpHeader);
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < sizeof(ip); i += 2) {
    wire::Big16 word;
    std::memcpy(&word, result->headers.data() + i, sizeof(word));
    sum += word.get();
  }
  result->checksum_base = sum;
}

void write_ipv6(const abi::Endpoint& endpoint, OuterTemplate* result) {
  wire::Ipv6Header ip{};
  ip.version_class_flow.set(0x60000000);
  ip.next_header = wire::kProtocolUdp;
  ip.hop_limit = kOuterTtl;
  ip.source = endpoint.local.bytes;
  ip.destination = endpoint.remote.bytes;
  std::memcpy(result->headers.data(), &ip, sizeof(ip));
  result->headers_length = sizeof(ip) + sizeof(wire::UdpHeader);
}

}  // namespace

OuterTemplate make_outer_template(const abi::Endpoint& endpoint) {
  OuterTemplate result{.endpoint = endpoint};
  if (endpoint.remote.family == abi::Family::ipv4) {
    write_ipv4(endpoint, &result);
  } else {
    write_ipv6(endpoint, &result);
  }
  constexpr std::uint16_t kLeastInnerMtu = 1280;  // RFC 8200, section 5
  const auto overhead = static_cast<std::uint16_t>(result.headers_length +
                                                   sizeof(wire::WgDataHeader) + wire::kWgTagSize);
  if (endpoint.through != abi::kNoPeer && endpoint.mtu != 0) {
    result.inner_mtu = static_cast<std::uint16_t>(
        std::max<int>(kLeastInnerMtu, int{endpoint.mtu} - int{overhead}));
  }
  wire::UdpHeader udp{};
  udp.source.set_raw(endpoint.local_port);
  udp.destination.set_raw(endpoint.remote_port);
  std::memcpy(result.headers.data() + result.headers_length - sizeof(udp), &udp, sizeof(udp));
  return result;
}

}  // namespace gotthard::dataplane
