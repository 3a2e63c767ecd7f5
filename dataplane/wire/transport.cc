#include "dataplane/wire/transport.h"

#include <rte_ip.h>

#include "dataplane/wire/tcp.h"
#include "dataplane/wire/udp.h"

namespace gotthard::wire {
namespace {

// Over pseudo header and all that follows the IP header.
std::uint16_t checksum(const std::byte* ip, const IpPacket& parsed, const std::byte* transport,
                       std::size_t length) {
  const std::uint32_t sum =
      parsed.family == Family::ipv4
          ? rte_ipv4_phdr_cksum(reinterpret_cast<const rte_ipv4_hdr*>(ip), 0) +
                std::uint32_t{rte_raw_cksum(transport, length)}
          : rte_ipv6_phdr_cksum(reinterpret_cast<const rte_ipv6_hdr*>(ip), 0) +
                std::uint32_t{rte_raw_cksum(transport, length)};
  const auto folded = static_cast<std::uint16_t>((sum & 0xffff) + (sum >> 16));
  const auto inverse = static_cast<std::uint16_t>(~folded);
  return inverse == 0 ? UINT16_MAX : inverse;
}

}  // namespace

void renew_transport_checksum(std::span<std::byte> packet, const IpPacket& parsed) {
  if (parsed.fragment || parsed.header_length > parsed.length) {
    return;
  }
  std::byte* transport = packet.data() + parsed.header_length;
  const std::size_t length = parsed.length - parsed.header_length;
  if (parsed.protocol == kProtocolUdp && length >= sizeof(UdpHeader)) {
    auto* udp = reinterpret_cast<UdpHeader*>(transport);
    if (udp->checksum.get() != 0 || parsed.family == Family::ipv6) {
      udp->checksum.set(0);
      udp->checksum.set_raw(checksum(packet.data(), parsed, transport, length));
    }
  } else if (parsed.protocol == kProtocolTcp && length >= sizeof(TcpHeader)) {
    auto* tcp = reinterpret_cast<TcpHeader*>(transport);
    tcp->checksum.set(0);
    tcp->checksum.set_raw(checksum(packet.data(), parsed, transport, length));
  }
}

}  // namespace gotthard::wire
