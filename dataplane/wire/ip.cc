#include "dataplane/wire/ip.h"

#include <algorithm>
#include <cstring>

namespace gotthard::wire {
namespace {

std::optional<IpPacket> parse_ipv4(std::span<const std::byte> bytes) {
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

std::optional<IpPacket> parse_ipv6(std::span<const std::byte> bytes) {
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

std::uint32_t sum16(const void* data, std::size_t size) {
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < size; i += 2) {
    std::uint16_t word;
    std::memcpy(&word, bytes + i, 2);
    sum += word;
  }
  return sum;
}

std::uint16_t fold(std::uint32_t sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

}  // namespace

std::optional<IpPacket> parse_ip(std::span<const std::byte> bytes) {
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

std::optional<UpperLayer> upper_layer6(std::span<const std::byte> bytes) {
  constexpr std::uint8_t kHopByHop = 0, kRouting = 43, kDestination = 60;
  constexpr int kMostHeaders = 8;
  UpperLayer upper{.protocol = reinterpret_cast<const Ipv6Header*>(bytes.data())->next_header,
                   .offset = sizeof(Ipv6Header)};
  for (int i = 0; i < kMostHeaders; ++i) {
    const bool fragment = upper.protocol == kProtocolFragment;
    if (!fragment && upper.protocol != kHopByHop && upper.protocol != kRouting &&
        upper.protocol != kDestination) {
      return upper;
    }
    if (upper.offset + 8 > bytes.size()) {
      return std::nullopt;
    }
    const std::byte* header = bytes.data() + upper.offset;
    if (fragment && (reinterpret_cast<const Big16*>(header + 2)->get() & 0xfff8) != 0) {
      return std::nullopt;  // a later fragment: what it carries is not to be seen
    }
    upper.protocol = static_cast<std::uint8_t>(header[0]);
    upper.offset += fragment ? 8 : (static_cast<std::size_t>(header[1]) + 1) * 8;
  }
  return std::nullopt;
}

bool ipv4_checksum_ok(const Ipv4Header& header, std::size_t header_length) {
  return fold(sum16(&header, header_length)) == 0xffff;
}

std::uint16_t ipv4_checksum(std::span<const std::byte> header) {
  // The sum is taken over words as they lie in memory, so it is in network order already.
  return swap_bytes(static_cast<std::uint16_t>(~fold(sum16(header.data(), header.size()))));
}

std::uint16_t ipv4_checksum(const Ipv4Header& header) {
  return ipv4_checksum(std::as_bytes(std::span(&header, 1)));
}

abi::Address source_of(const std::byte* ip, Family family) {
  abi::Address address{.family = family};
  if (family == Family::ipv4) {
    std::memcpy(address.bytes.data(), &reinterpret_cast<const Ipv4Header*>(ip)->source, 4);
  } else {
    address.bytes = reinterpret_cast<const Ipv6Header*>(ip)->source;
  }
  return address;
}

abi::Address destination_of(const std::byte* ip, Family family) {
  abi::Address address{.family = family};
  if (family == Family::ipv4) {
    std::memcpy(address.bytes.data(), &reinterpret_cast<const Ipv4Header*>(ip)->destination, 4);
  } else {
    address.bytes = reinterpret_cast<const Ipv6Header*>(ip)->destination;
  }
  return address;
}

namespace {

using Ipv6Address = std::array<std::uint8_t, 16>;

bool link_local4(std::uint32_t address) { return address >> 16 == 0xa9fe; }
bool link_local6(const Ipv6Address& address) {
  return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}
bool group4(std::uint32_t address) { return address >> 28 == 0xe || address == 0xffffffff; }
bool group6(const Ipv6Address& address) { return address[0] == 0xff; }

bool one_host4(std::uint32_t address) {
  const std::uint32_t first = address >> 24;
  return first != 0 && first != 127 && first < 224 && !link_local4(address);
}

bool one_host6(const Ipv6Address& address) {
  if (group6(address) || link_local6(address)) {
    return false;
  }
  // ::/127 holds the unspecified and the loopback address.
  return !(std::all_of(address.begin(), address.end() - 1, [](std::uint8_t b) { return b == 0; }) &&
           address[15] <= 1);
}

}  // namespace

bool forwardable_destination(const std::byte* ip, Family family) {
  return family == Family::ipv4
             ? one_host4(reinterpret_cast<const Ipv4Header*>(ip)->destination.get())
             : one_host6(reinterpret_cast<const Ipv6Header*>(ip)->destination);
}

bool forwardable_source(const std::byte* ip, Family family) {
  return family == Family::ipv4 ? one_host4(reinterpret_cast<const Ipv4Header*>(ip)->source.get())
                                : one_host6(reinterpret_cast<const Ipv6Header*>(ip)->source);
}

bool on_link_destination(const std::byte* ip, Family family) {
  if (family == Family::ipv4) {
    const std::uint32_t to = reinterpret_cast<const Ipv4Header*>(ip)->destination.get();
    return link_local4(to) || group4(to);
  }
  const Ipv6Address& to = reinterpret_cast<const Ipv6Header*>(ip)->destination;
  return link_local6(to) || group6(to);
}

bool link_local_source(const std::byte* ip, Family family) {
  return family == Family::ipv4 ? link_local4(reinterpret_cast<const Ipv4Header*>(ip)->source.get())
                                : link_local6(reinterpret_cast<const Ipv6Header*>(ip)->source);
}

}  // namespace gotthard::wire
