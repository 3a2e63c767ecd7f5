// IPv4 (RFC 791) and IPv6 (RFC 8200) headers as they lie in packets.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/abi/records.h"
#include "dataplane/wire/endian.h"

namespace gotthard::wire {

using abi::Family;

inline constexpr std::uint8_t kProtocolIcmp = 1;
inline constexpr std::uint8_t kProtocolTcp = 6;
inline constexpr std::uint8_t kProtocolUdp = 17;
inline constexpr std::uint8_t kProtocolEsp = 50;
inline constexpr std::uint8_t kProtocolIcmpv6 = 58;
inline constexpr std::uint8_t kProtocolFragment = 44;  // IPv6 fragment header

struct Ipv4Header {
  std::uint8_t version_ihl;
  std::uint8_t tos;
  Big16 total_length;
  Big16 id;
  Big16 fragment;  // flags and offset
  std::uint8_t ttl;
  std::uint8_t protocol;
  Big16 checksum;
  Big32 source;
  Big32 destination;
};
static_assert(sizeof(Ipv4Header) == 20 && alignof(Ipv4Header) == 1);

inline constexpr std::uint16_t kIpv4DontFragment = 0x4000;
inline constexpr std::uint16_t kIpv4MoreOrOffset = 0x3fff;  // any bit: a fragment

struct Ipv6Header {
  Big32 version_class_flow;
  Big16 payload_length;
  std::uint8_t next_header;
  std::uint8_t hop_limit;
  std::array<std::uint8_t, 16> source;
  std::array<std::uint8_t, 16> destination;
};
static_assert(sizeof(Ipv6Header) == 40 && alignof(Ipv6Header) == 1);

}  // namespace gotthard::wire
