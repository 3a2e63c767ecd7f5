// IPv4 (RFC 791) and IPv6 (RFC 8200) headers, and what every path needs to know of a packet.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

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

// A packet whose header is whole and whose length fits in what was received.
struct IpPacket {
  Family family = Family::none;
  std::uint8_t protocol = 0;        // IPv6: of the first header after the fixed one
  std::uint16_t header_length = 0;  // IPv6: 40
  std::uint16_t length = 0;         // header and payload, without padding that follows
  bool fragment = false;            // IPv6: a fragment header comes first
  bool first_fragment = false;      // of those: it holds the transport header
};

// Length first; then version, header length and total length against `bytes`. IPv4 options are
// allowed. Does not look at checksums.
[[nodiscard]] std::optional<IpPacket> parse_ip(std::span<const std::byte> bytes);

// What an IPv6 packet carries after its extension headers (RFC 8200, section 4); nothing when that
// is out of reach, or in an earlier fragment. `bytes` hold the fixed header.
struct UpperLayer {
  std::uint8_t protocol = 0;
  std::size_t offset = 0;
};
[[nodiscard]] std::optional<UpperLayer> upper_layer6(std::span<const std::byte> bytes);

// RFC 1071 over the header alone; true also for a header whose checksum field is right.
[[nodiscard]] bool ipv4_checksum_ok(const Ipv4Header& header, std::size_t header_length);
// `checksum` must be zero.
[[nodiscard]] std::uint16_t ipv4_checksum(std::span<const std::byte> header);
// Over a header without options.
[[nodiscard]] std::uint16_t ipv4_checksum(const Ipv4Header& header);

// One hop less, checksum adjusted by RFC 1624.
inline void decrement_ttl(Ipv4Header* header) {
  --header->ttl;
  std::uint32_t sum = header->checksum.get() + 0x0100U;
  header->checksum.set(static_cast<std::uint16_t>(sum + (sum >> 16)));
}

[[nodiscard]] abi::Address source_of(const std::byte* ip, Family family);
[[nodiscard]] abi::Address destination_of(const std::byte* ip, Family family);

// Addresses that a router must not forward to: multicast, broadcast, loopback, link-local,
// unspecified (RFC 1812 5.3.7, RFC 4291 2.5.6).
[[nodiscard]] bool forwardable_destination(const std::byte* ip, Family family);
// Sources that no packet in transit has (RFC 1812 5.3.7, RFC 6890): the same kinds.
[[nodiscard]] bool forwardable_source(const std::byte* ip, Family family);

// Of those, what hosts on one link say to each other: to groups, to all, to link-local addresses
// (RFC 3927, RFC 4291 2.5.6), and from the latter.
[[nodiscard]] bool on_link_destination(const std::byte* ip, Family family);
[[nodiscard]] bool link_local_source(const std::byte* ip, Family family);

}  // namespace gotthard::wire
