#include "dataplane/wire/path_mtu.h"

#include <rte_ip.h>

#include "dataplane/wire/icmp.h"

namespace gotthard::wire {
namespace {

// Who says less does not know (RFC 1191, 5: routers of old say nothing) or has another aim.
constexpr std::uint32_t kLeastMtu = 68;  // RFC 791

bool checksum_ok(std::span<const std::byte> packet, const IpPacket& ip) {
  const auto message = packet.subspan(ip.header_length, ip.length - ip.header_length);
  std::uint32_t sum = rte_raw_cksum(message.data(), message.size());
  if (ip.family == Family::ipv6) {
    sum += rte_ipv6_phdr_cksum(reinterpret_cast<const rte_ipv6_hdr*>(packet.data()), 0);
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return sum == 0xffff;  // the message's own checksum included
}

std::optional<std::uint32_t> mtu_of(const IcmpHeader& icmp, Family family) {
  constexpr std::uint8_t kUnreachable = 3, kFragmentationNeeded = 4, kTooBig6 = 2;
  if (family == Family::ipv4) {
    return icmp.type == kUnreachable && icmp.code == kFragmentationNeeded
               ? std::optional(icmp.rest.get() & 0xffff)
               : std::nullopt;
  }
  return icmp.type == kTooBig6 ? std::optional(icmp.rest.get()) : std::nullopt;
}

// Its total length is of more than there is, so that parse_ip() is not for it.
bool take_quote(std::span<const std::byte> quote, Family family, PathMtuNotice* notice) {
  std::size_t header = sizeof(Ipv6Header);
  if (family == Family::ipv4) {
    if (quote.size() < sizeof(Ipv4Header)) {
      return false;
    }
    const auto* ip = reinterpret_cast<const Ipv4Header*>(quote.data());
    header = (ip->version_ihl & 0xfU) * 4U;
    if (ip->version_ihl >> 4 != 4 || header < sizeof(Ipv4Header) ||
        (ip->fragment.get() & kIpv4MoreOrOffset) != 0) {
      return false;
    }
    notice->protocol = ip->protocol;
  } else {
    if (quote.size() < sizeof(Ipv6Header) || static_cast<std::uint8_t>(quote[0]) >> 4 != 6) {
      return false;
    }
    notice->protocol = reinterpret_cast<const Ipv6Header*>(quote.data())->next_header;
  }
  if (quote.size() < header) {
    return false;
  }
  notice->source = source_of(quote.data(), family);
  notice->destination = destination_of(quote.data(), family);
  notice->payload = quote.subspan(header);
  return true;
}

}  // namespace

std::optional<PathMtuNotice> parse_path_mtu_notice(std::span<const std::byte> packet) {
  const auto ip = parse_ip(packet);
  const std::uint8_t protocol = ip && ip->family == Family::ipv4 ? kProtocolIcmp : kProtocolIcmpv6;
  if (!ip || ip->fragment || ip->protocol != protocol ||
      ip->length < ip->header_length + sizeof(IcmpHeader) || !checksum_ok(packet, *ip)) {
    return std::nullopt;
  }
  const auto& icmp = *reinterpret_cast<const IcmpHeader*>(packet.data() + ip->header_length);
  const auto mtu = mtu_of(icmp, ip->family);
  if (!mtu || *mtu < kLeastMtu) {
    return std::nullopt;
  }
  PathMtuNotice notice{.mtu = *mtu};
  const auto quote = packet.first(ip->length).subspan(ip->header_length + sizeof(IcmpHeader));
  if (!take_quote(quote, ip->family, &notice)) {
    return std::nullopt;
  }
  return notice;
}

}  // namespace gotthard::wire
