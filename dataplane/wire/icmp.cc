#include "dataplane/wire/icmp.h"

#include <rte_ip.h>

#include <algorithm>
#include <cstring>

namespace gotthard::wire {
namespace {

constexpr std::uint8_t kErrorHops = 64;
constexpr std::size_t kQuoteLimit4 = 576;
constexpr std::size_t kQuoteLimit6 = 1280;

struct Codes {
  std::uint8_t type4, code4, type6, code6;
};
Codes codes_of(IcmpError error) {
  switch (error) {
    case IcmpError::too_big:
      return {3, 4, 2, 0};
    case IcmpError::hops_spent:
      return {11, 0, 3, 0};
    case IcmpError::network_unreachable:
      return {3, 0, 1, 0};
    case IcmpError::route_unreachable:
      return {3, 1, 1, 0};
    case IcmpError::prohibited:
      return {3, 13, 1, 1};
    case IcmpError::host_unreachable:
      break;
  }
  return {3, 1, 1, 3};
}

bool may_answer4(std::span<const std::byte> bytes, const IpPacket& packet) {
  if (packet.fragment && !packet.first_fragment) {
    return false;
  }
  if (packet.protocol != kProtocolIcmp) {
    return true;
  }
  return packet.length > packet.header_length &&
         !is_icmp_error4(static_cast<std::uint8_t>(bytes[packet.header_length]));
}

bool may_answer6(std::span<const std::byte> bytes) {
  constexpr std::uint8_t kFirstInformational = 128, kRedirect = 137;
  const auto upper = upper_layer6(bytes);
  if (!upper) {
    return false;
  }
  if (upper->protocol != kProtocolIcmpv6) {
    return true;
  }
  if (upper->offset >= bytes.size()) {
    return false;
  }
  const auto type = static_cast<std::uint8_t>(bytes[upper->offset]);
  return type >= kFirstInformational && type != kRedirect;
}

void write4(std::byte* message, const abi::Address& from, std::size_t quoted, const Codes& codes,
            std::uint32_t rest) {
  const std::byte* cause = message + sizeof(Ipv4Header) + sizeof(IcmpHeader);
  Ipv4Header ip{};
  ip.version_ihl = 0x45;
  ip.total_length.set(static_cast<std::uint16_t>(sizeof(ip) + sizeof(IcmpHeader) + quoted));
  ip.fragment.set(kIpv4DontFragment);
  ip.ttl = kErrorHops;
  ip.protocol = kProtocolIcmp;
  std::memcpy(&ip.source, from.bytes.data(), sizeof(ip.source));
  ip.destination = reinterpret_cast<const Ipv4Header*>(cause)->source;
  ip.checksum.set(ipv4_checksum(ip));
  IcmpHeader icmp{.type = codes.type4, .code = codes.code4, .checksum = {}, .rest = {}};
  icmp.rest.set(rest);
  std::memcpy(message, &ip, sizeof(ip));
  std::memcpy(message + sizeof(ip), &icmp, sizeof(icmp));
  const std::uint16_t sum = rte_raw_cksum(message + sizeof(ip), sizeof(icmp) + quoted);
  icmp.checksum.set_raw(static_cast<std::uint16_t>(~sum));
  std::memcpy(message + sizeof(ip), &icmp, sizeof(icmp));
}

void write6(std::byte* message, const abi::Address& from, std::size_t quoted, const Codes& codes,
            std::uint32_t rest) {
  const std::byte* cause = message + sizeof(Ipv6Header) + sizeof(IcmpHeader);
  Ipv6Header ip{};
  ip.version_class_flow.set(0x60000000);
  ip.payload_length.set(static_cast<std::uint16_t>(sizeof(IcmpHeader) + quoted));
  ip.next_header = kProtocolIcmpv6;
  ip.hop_limit = kErrorHops;
  ip.source = from.bytes;
  ip.destination = reinterpret_cast<const Ipv6Header*>(cause)->source;
  IcmpHeader icmp{.type = codes.type6, .code = codes.code6, .checksum = {}, .rest = {}};
  icmp.rest.set(rest);
  std::memcpy(message, &ip, sizeof(ip));
  std::memcpy(message + sizeof(ip), &icmp, sizeof(icmp));
  icmp.checksum.set_raw(
      rte_ipv6_udptcp_cksum(reinterpret_cast<const rte_ipv6_hdr*>(message), message + sizeof(ip)));
  std::memcpy(message + sizeof(ip), &icmp, sizeof(icmp));
}

}  // namespace

bool is_icmp_error4(std::uint8_t type) {
  constexpr std::uint8_t kUnreachable = 3, kQuench = 4, kRedirect = 5, kExceeded = 11, kBad = 12;
  return type == kUnreachable || type == kQuench || type == kRedirect || type == kExceeded ||
         type == kBad;
}

bool may_answer(std::span<const std::byte> packet) {
  const auto parsed = parse_ip(packet);
  if (!parsed || !forwardable_destination(packet.data(), parsed->family) ||
      !forwardable_source(packet.data(), parsed->family)) {
    return false;
  }
  const auto bytes = packet.first(parsed->length);
  return parsed->family == Family::ipv4 ? may_answer4(bytes, *parsed) : may_answer6(bytes);
}

std::size_t icmp_error_headers(Family family) {
  return sizeof(IcmpHeader) + (family == Family::ipv4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header));
}

std::size_t icmp_error_quote(Family family, std::size_t length) {
  return std::min(
      length, (family == Family::ipv4 ? kQuoteLimit4 : kQuoteLimit6) - icmp_error_headers(family));
}

void write_icmp_error(std::byte* message, const abi::Address& from, std::size_t quoted,
                      IcmpError error, std::uint16_t mtu) {
  const std::uint32_t rest = error == IcmpError::too_big ? mtu : 0;
  if (from.family == Family::ipv4) {
    write4(message, from, quoted, codes_of(error), rest);
  } else {
    write6(message, from, quoted, codes_of(error), rest);
  }
}

}  // namespace gotthard::wire
