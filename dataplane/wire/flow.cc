#include "dataplane/wire/flow.h"

#include <nmmintrin.h>

#include <cstring>

namespace gotthard::wire {
namespace {

constexpr std::uint64_t kSeed = 0x67746864;

std::uint64_t word_at(const std::byte* at) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

// The low bits of a CRC of few bits of input are not spread: mixed (murmur3's finaliser).
std::uint32_t mixed(std::uint64_t crc) {
  auto hash = static_cast<std::uint32_t>(crc);
  hash = (hash ^ hash >> 16) * 0x85ebca6b;
  hash = (hash ^ hash >> 13) * 0xc2b2ae35;
  return hash ^ hash >> 16;
}

bool has_ports(std::uint8_t protocol) {
  constexpr std::uint8_t kSctp = 132, kUdpLite = 136;
  return protocol == kProtocolTcp || protocol == kProtocolUdp || protocol == kSctp ||
         protocol == kUdpLite;
}

}  // namespace

std::uint32_t flow_hash(const std::byte* ip, std::size_t length, Family family) {
  constexpr std::size_t kPorts = 4;
  std::uint64_t crc = kSeed;
  std::size_t header_length = sizeof(Ipv6Header);
  std::uint8_t protocol = 0;
  if (family == Family::ipv4) {
    const auto* header = reinterpret_cast<const Ipv4Header*>(ip);
    header_length = (header->version_ihl & 0x0f) * std::size_t{4};
    const bool whole = (header->fragment.get() & kIpv4MoreOrOffset) == 0;
    protocol = header->protocol;
    crc = _mm_crc32_u64(crc, word_at(ip + offsetof(Ipv4Header, source)));
    crc = _mm_crc32_u8(static_cast<std::uint32_t>(crc), protocol);
    protocol = whole ? protocol : 0;
  } else {
    protocol = reinterpret_cast<const Ipv6Header*>(ip)->next_header;
    for (std::size_t at = offsetof(Ipv6Header, source); at < sizeof(Ipv6Header); at += 8) {
      crc = _mm_crc32_u64(crc, word_at(ip + at));
    }
    crc = _mm_crc32_u8(static_cast<std::uint32_t>(crc), protocol);
  }
  if (has_ports(protocol) && length >= header_length + kPorts) {
    std::uint32_t ports;
    std::memcpy(&ports, ip + header_length, sizeof(ports));
    crc = _mm_crc32_u32(static_cast<std::uint32_t>(crc), ports);
  }
  return mixed(crc);
}

}  // namespace gotthard::wire
