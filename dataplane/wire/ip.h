// What every path needs to know of an IP packet. Inline where it is asked of each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "dataplane/wire/address.h"
#include "dataplane/wire/ip_header.h"

namespace gotthard::wire {

// A packet whose header is whole and whose length fits in what was received.
struct IpPacket {
  Family family = Family::none;
  std::uint8_t protocol = 0;        // IPv6: of the first header after the fixed one
  std::uint16_t header_length = 0;  // IPv6: 40
  std::uint16_t length = 0;         // header and payload, without padding that follows
  bool fragment = false;            // IPv6: a fragment header comes first
  bool first_fragment = false;      // of those: it holds the transport header
};

[[nodiscard]] inline std::optional<IpPacket> parse_ipv4(std::span<const std::byte> bytes) {
  if (bytes.size() < sizeof(Ipv4Header)) {
    return std::nullopt;
  }
  const auto* header = reinterpret_cast<const Ipv4Header*>(bytes.data());
  const auto header_length = static_cast<std::uint16_t>((header->version_ihl & 0x0f) * 4);
  const std::uint16_t length = header->total_length.get();
  if (header_length < sizeof(Ipv4Header) || length < header_length || length > bytes.size()) {
    return std::nullopt;
  }
  const std::uint16_t fragment = header->fragment.get() & kIpv4MoreOrOffset;
  return IpPacket{.family = Family::ipv4,
                  .protocol = header->protocol,
                  .header_length = header_length,
                  .length = length,
                  .fragment = fragment != 0,
                  .first_fragment = fragment == 0x2000};
}

[[nodiscard]] inline std::optional<IpPacket> parse_ipv6(std::span<const std::byte> bytes) {
  if (bytes.size() < sizeof(Ipv6Header)) {
    return std::nullopt;
  }
  const auto* header = reinterpret_cast<const Ipv6Header*>(bytes.data());
  const std::size_t length = sizeof(Ipv6Header) + header->payload_length.get();
  // Jumbograms (RFC 2675) have length 0 here and are not carried.
  if (length > bytes.size() || length > UINT16_MAX) {
    return std::nullopt;
  }
  const bool fragment = header->next_header == kProtocolFragment;
  bool first = false;
  if (fragment && length >= sizeof(Ipv6Header) + 8) {
    const auto* offset = reinterpret_cast<const Big16*>(bytes.data() + sizeof(Ipv6Header) + 2);
    first = (offset->get() & 0xfff8) == 0;
  }
  return IpPacket{.family = Family::ipv6,
                  .protocol = header->next_header,
                  .header_length = sizeof(Ipv6Header),
                  .length = static_cast<std::uint16_t>(length),
                  .fragment = fragment,
                  .first_fragment = first};
}

// Length first; then version, header length and total length against `bytes`. IPv4 options are
// allowed. Does not look at checksums.
[[nodiscard]] inline std::optional<IpPacket> parse_ip(std::span<const std::byte> bytes) {
  if (bytes.empty()) {
    return std::nullopt;
  }
  switch (static_cast<std::uint8_t>(bytes[0]) >> 4) {
    case 4:
      return parse_ipv4(bytes);
    case 6:
      return parse_ipv6(bytes);
    default:
      return std::nullopt;
  }
}

// What an IPv6 packet carries after its extension headers (RFC 8200, section 4); nothing when that
// is out of reach, or in an earlier fragment. `bytes` hold the fixed header.
struct UpperLayer {
  std::uint8_t protocol = 0;
  std::size_t offset = 0;
};
[[nodiscard]] std::optional<UpperLayer> upper_layer6(std::span<const std::byte> bytes);

// One's complement sum of a header's 16-bit words as they lie in memory (RFC 1071, 2 B); its length
// is a multiple of four.
[[nodiscard]] inline std::uint16_t header_sum(const void* header, std::size_t length) {
  const auto* bytes = static_cast<const std::uint8_t*>(header);
  const auto word = [bytes](std::size_t at) {
    std::uint32_t value;
    std::memcpy(&value, bytes + at, sizeof(value));
    return std::uint64_t{value};
  };
  // Options are rare, and loops of a length that is not known are slow.
  std::uint64_t sum = word(0) + word(4) + word(8) + word(12) + word(16);
  for (std::size_t at = sizeof(Ipv4Header); at + 3 < length; at += 4) {
    sum += word(at);
  }
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>((sum & 0xffff) + (sum >> 16));
}

// RFC 1071 over the header alone; true also for a header whose checksum field is right.
[[nodiscard]] inline bool ipv4_checksum_ok(const Ipv4Header& header, std::size_t header_length) {
  return header_sum(&header, header_length) == 0xffff;
}
// What most packets are: IPv4 without options, whole, its checksum right. Their length; 0: one must
// look closer, by parse_ip().
[[nodiscard]] inline std::uint16_t plain_ipv4(std::span<const std::byte> bytes) {
  const auto* header = reinterpret_cast<const Ipv4Header*>(bytes.data());
  if (bytes.size() < sizeof(*header) || header->version_ihl != 0x45) {
    return 0;
  }
  const std::uint16_t length = header->total_length.get();
  const bool whole = length >= sizeof(*header) && length <= bytes.size();
  return whole && ipv4_checksum_ok(*header, sizeof(*header)) ? length : std::uint16_t{0};
}
// `checksum` must be zero.
[[nodiscard]] inline std::uint16_t ipv4_checksum(std::span<const std::byte> header) {
  const auto sum = static_cast<std::uint16_t>(~header_sum(header.data(), header.size()));
  return swap_bytes(sum);
}
// Over a header without options.
[[nodiscard]] inline std::uint16_t ipv4_checksum(const Ipv4Header& header) {
  return ipv4_checksum(std::as_bytes(std::span(&header, 1)));
}

// One hop less, checksum adjusted by RFC 1624.
inline void decrement_ttl(Ipv4Header* header) {
  --header->ttl;
  std::uint32_t sum = header->checksum.get() + 0x0100U;
  header->checksum.set(static_cast<std::uint16_t>(sum + (sum >> 16)));
}

}  // namespace gotthard::wire
