// Fragmentation (RFC 791, 2.3; RFC 8200, 4.5) and its opposite. For the manager's thread: they
// allocate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/wire/ip.h"

namespace gotthard::wire {

using Packet = std::vector<std::byte>;

struct Ipv6Fragment {
  std::uint8_t next_header;
  std::uint8_t reserved;
  Big16 offset;  // in bytes, as its low three bits are others: bit 0 is "more"
  Big32 id;
};
static_assert(sizeof(Ipv6Fragment) == 8 && alignof(Ipv6Fragment) == 1);

// Pieces of at most `mtu` bytes, in order; none when the packet is no IP packet or has no pieces
// that small. IPv6 packets get a fragment header right behind the fixed one: for our own only,
// which have no extension headers. `id6` is theirs.
[[nodiscard]] std::vector<Packet> cut(std::span<const std::byte> packet, std::uint16_t mtu,
                                      std::uint32_t id6);

// Where a piece belongs. IPv6: its fragment header is the first extension header.
struct Piece {
  std::uint32_t id = 0;
  std::uint8_t protocol = 0;
  std::uint16_t offset = 0;  // bytes
  bool more = false;
  std::span<const std::byte> data;
};
// Nothing when it is no fragment, or one that no sender makes: empty, or not of whole units of
// eight bytes though more follow, or beyond what a packet holds.
[[nodiscard]] std::optional<Piece> parse_piece(std::span<const std::byte> packet);

// The whole packet: `first` is the piece at offset 0, `data` all that the pieces held.
[[nodiscard]] Packet whole(std::span<const std::byte> first, std::span<const std::byte> data);

}  // namespace gotthard::wire
