#include "dataplane/table/peer.h"

#include <algorithm>
#include <cstring>

namespace gotthard::dataplane {
namespace {

constexpr std::uint8_t kOuterTtl = 64;

// With the largest IV, padding, trailer and ICV of all suites (RFC 4303, 2; RFC 4868).
constexpr std::size_t kEspOverhead = 8 + 16 + 15 + 2 + 32;

std::size_t udp_length(abi::PeerKind kind) {
  return kind == abi::PeerKind::esp ? 0 : sizeof(wire::UdpHeader);
}
std::uint8_t protocol(abi::PeerKind kind) {
  return kind == abi::PeerKind::esp ? wire::kProtocolEsp : wire::kProtocolUdp;
}

void write_ipv4(const abi::Endpoint& endpoint, OuterTemplate* result) {
  wire::Ipv4Header ip{};
  ip.version_ihl = 0x45;
  ip.ttl = kOuterTtl;
  ip.protocol = protocol(result->kind);
  std::memcpy(&ip.source, endpoint.local.bytes.data(), 4);
  std::memcpy(&ip.destination, endpoint.remote.bytes.data(), 4);
  std::memcpy(result->headers.data(), &ip, sizeof(ip));
  result->headers_length = static_cast<std::uint16_t>(sizeof(ip) + udp_length(result->kind));
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
  ip.next_header = protocol(result->kind);
  ip.hop_limit = kOuterTtl;
  ip.source = endpoint.local.bytes;
  ip.destination = endpoint.remote.bytes;
  std::memcpy(result->headers.data(), &ip, sizeof(ip));
  result->headers_length = static_cast<std::uint16_t>(sizeof(ip) + udp_length(result->kind));
}

}  // namespace

OuterTemplate make_outer_template(const abi::Endpoint& endpoint, abi::PeerKind kind) {
  OuterTemplate result{.endpoint = endpoint, .kind = kind};
  if (endpoint.remote.family == abi::Family::ipv4) {
    write_ipv4(endpoint, &result);
  } else {
    write_ipv6(endpoint, &result);
  }
  const std::size_t inner_overhead = kind == abi::PeerKind::wireguard
                                         ? sizeof(wire::WgDataHeader) + wire::kWgTagSize
                                         : kEspOverhead;
  constexpr int kLeastInnerMtu = 1280;  // RFC 8200, section 5
  if (endpoint.through != abi::kNoPeer && endpoint.mtu != 0) {
    result.inner_mtu = static_cast<std::uint16_t>(std::max(
        kLeastInnerMtu,
        int{endpoint.mtu} - int{result.headers_length} - static_cast<int>(inner_overhead)));
  }
  if (kind == abi::PeerKind::esp) {
    return result;
  }
  wire::UdpHeader udp{};
  udp.source.set_raw(endpoint.local_port);
  udp.destination.set_raw(endpoint.remote_port);
  std::memcpy(result.headers.data() + result.headers_length - sizeof(udp), &udp, sizeof(udp));
  return result;
}

}  // namespace gotthard::dataplane
