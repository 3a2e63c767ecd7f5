#include "dataplane/wire/fragment.h"

#include <algorithm>
#include <cstring>

namespace gotthard::wire {
namespace {

constexpr std::size_t kUnit = 8;
// With any header in front, a packet's length has 16 bits.
constexpr std::size_t kMostData = UINT16_MAX - 60;

void finish_ipv4(std::span<std::byte> packet, std::size_t header_length, std::uint16_t fragment) {
  auto* header = reinterpret_cast<Ipv4Header*>(packet.data());
  header->version_ihl = static_cast<std::uint8_t>(0x40 | header_length / 4);
  header->total_length.set(static_cast<std::uint16_t>(packet.size()));
  header->fragment.set(fragment);
  header->checksum.set(0);
  header->checksum.set(ipv4_checksum(packet.first(header_length)));
}

// Options that later fragments have too (RFC 791, 3.1: the copied flag), padded to whole words.
Packet header_of_later(std::span<const std::byte> header) {
  constexpr std::uint8_t kEnd = 0, kNoOperation = 1, kCopied = 0x80;
  Packet later(header.begin(), header.begin() + sizeof(Ipv4Header));
  std::size_t at = sizeof(Ipv4Header);
  while (at < header.size()) {
    const auto type = static_cast<std::uint8_t>(header[at]);
    if (type == kEnd) {
      break;
    }
    const std::size_t size = type == kNoOperation     ? 1
                             : at + 1 < header.size() ? static_cast<std::uint8_t>(header[at + 1])
                                                      : 0;
    if (size == 0 || at + size > header.size()) {
      break;
    }
    if ((type & kCopied) != 0) {
      later.insert(later.end(), header.begin() + static_cast<std::ptrdiff_t>(at),
                   header.begin() + static_cast<std::ptrdiff_t>(at + size));
    }
    at += size;
  }
  later.resize((later.size() + 3) / 4 * 4);
  return later;
}

std::vector<Packet> cut_ipv4(std::span<const std::byte> packet, const IpPacket& ip,
                             std::uint16_t mtu) {
  const auto* original = reinterpret_cast<const Ipv4Header*>(packet.data());
  const std::uint16_t fragment = original->fragment.get();
  Packet header(packet.begin(), packet.begin() + ip.header_length);
  auto data = packet.subspan(ip.header_length);
  std::size_t offset = (fragment & 0x1fff) * kUnit;
  std::vector<Packet> pieces;
  while (!data.empty()) {
    const std::size_t room = mtu > header.size() ? mtu - header.size() : 0;
    const bool last = data.size() <= room;
    const std::size_t size = last ? data.size() : room / kUnit * kUnit;
    if (size == 0) {
      return {};
    }
    Packet piece = header;
    piece.insert(piece.end(), data.begin(), data.begin() + static_cast<std::ptrdiff_t>(size));
    const bool more = !last || (fragment & 0x2000) != 0;
    finish_ipv4(piece, header.size(),
                static_cast<std::uint16_t>(offset / kUnit | (more ? 0x2000 : 0)));
    pieces.push_back(std::move(piece));
    if (offset == 0) {
      header = header_of_later(header);
    }
    offset += size;
    data = data.subspan(size);
  }
  return pieces;
}

std::vector<Packet> cut_ipv6(std::span<const std::byte> packet, std::uint16_t mtu,
                             std::uint32_t id) {
  constexpr std::size_t kHeaders = sizeof(Ipv6Header) + sizeof(Ipv6Fragment);
  const auto* original = reinterpret_cast<const Ipv6Header*>(packet.data());
  auto data = packet.subspan(sizeof(Ipv6Header));
  std::size_t offset = 0;
  std::vector<Packet> pieces;
  while (!data.empty()) {
    const std::size_t room = mtu > kHeaders ? mtu - kHeaders : 0;
    const bool last = data.size() <= room;
    const std::size_t size = last ? data.size() : room / kUnit * kUnit;
    if (size == 0) {
      return {};
    }
    Packet piece(kHeaders);
    std::memcpy(piece.data(), packet.data(), sizeof(Ipv6Header));
    auto* header = reinterpret_cast<Ipv6Header*>(piece.data());
    header->next_header = kProtocolFragment;
    header->payload_length.set(static_cast<std::uint16_t>(sizeof(Ipv6Fragment) + size));
    auto* fragment = reinterpret_cast<Ipv6Fragment*>(piece.data() + sizeof(Ipv6Header));
    fragment->next_header = original->next_header;
    fragment->offset.set(static_cast<std::uint16_t>(offset | (last ? 0 : 1)));
    fragment->id.set(id);
    piece.insert(piece.end(), data.begin(), data.begin() + static_cast<std::ptrdiff_t>(size));
    pieces.push_back(std::move(piece));
    offset += size;
    data = data.subspan(size);
  }
  return pieces;
}

std::optional<Piece> checked(Piece piece) {
  if (piece.data.empty() || (piece.more && piece.data.size() % kUnit != 0) ||
      piece.offset + piece.data.size() > kMostData) {
    return std::nullopt;
  }
  return piece;
}

}  // namespace

std::vector<Packet> cut(std::span<const std::byte> packet, std::uint16_t mtu, std::uint32_t id6) {
  const auto ip = parse_ip(packet);
  if (!ip) {
    return {};
  }
  packet = packet.first(ip->length);
  return ip->family == Family::ipv4 ? cut_ipv4(packet, *ip, mtu) : cut_ipv6(packet, mtu, id6);
}

std::optional<Piece> parse_piece(std::span<const std::byte> packet) {
  const auto ip = parse_ip(packet);
  if (!ip || !ip->fragment) {
    return std::nullopt;
  }
  const auto data = packet.subspan(ip->header_length, ip->length - ip->header_length);
  if (ip->family == Family::ipv4) {
    const auto* header = reinterpret_cast<const Ipv4Header*>(packet.data());
    const std::uint16_t fragment = header->fragment.get();
    return checked({.id = header->id.get(),
                    .protocol = header->protocol,
                    .offset = static_cast<std::uint16_t>((fragment & 0x1fff) * kUnit),
                    .more = (fragment & 0x2000) != 0,
                    .data = data});
  }
  if (data.size() < sizeof(Ipv6Fragment)) {
    return std::nullopt;
  }
  const auto* fragment = reinterpret_cast<const Ipv6Fragment*>(data.data());
  return checked({.id = fragment->id.get(),
                  .protocol = fragment->next_header,
                  .offset = static_cast<std::uint16_t>(fragment->offset.get() & 0xfff8),
                  .more = (fragment->offset.get() & 1) != 0,
                  .data = data.subspan(sizeof(Ipv6Fragment))});
}

Packet whole(std::span<const std::byte> first, std::span<const std::byte> data) {
  const auto ip = parse_ip(first);
  if (!ip) {
    return {};
  }
  Packet packet(first.begin(), first.begin() + ip->header_length);
  packet.insert(packet.end(), data.begin(), data.end());
  if (ip->family == Family::ipv4) {
    finish_ipv4(packet, ip->header_length, 0);
    return packet;
  }
  auto* header = reinterpret_cast<Ipv6Header*>(packet.data());
  header->next_header =
      reinterpret_cast<const Ipv6Fragment*>(first.data() + sizeof(Ipv6Header))->next_header;
  header->payload_length.set(static_cast<std::uint16_t>(data.size()));
  return packet;
}

}  // namespace gotthard::wire
