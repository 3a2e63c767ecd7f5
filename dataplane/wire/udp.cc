#include "dataplane/wire/udp.h"

#include <rte_ip.h>

namespace gotthard::wire {

std::uint16_t udp_checksum(const std::byte* ip, abi::Family family, const UdpHeader* udp) {
  const std::uint16_t sum =
      family == abi::Family::ipv4
          ? rte_ipv4_udptcp_cksum(reinterpret_cast<const rte_ipv4_hdr*>(ip), udp)
          : rte_ipv6_udptcp_cksum(reinterpret_cast<const rte_ipv6_hdr*>(ip), udp);
  return swap_bytes(sum);
}

}  // namespace gotthard::wire
