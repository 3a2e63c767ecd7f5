// What a router says that could not pass on a packet of ours: fragmentation needed (RFC 792, RFC
// 1191), packet too big (RFC 4443, 3.2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/wire/ip.h"

namespace gotthard::wire {

struct PathMtuNotice {
  std::uint32_t mtu = 0;  // of IP packets; as it was said
  // Of the packet that is quoted.
  abi::Address source, destination;
  std::uint8_t protocol = 0;
  std::span<const std::byte> payload;  // behind its IP header, as far as it is quoted
};
// Nothing: another message, one that is damaged or that does not say how much would fit, or the
// packet that it quotes is a piece or has more headers than we send.
[[nodiscard]] std::optional<PathMtuNotice> parse_path_mtu_notice(std::span<const std::byte> packet);

}  // namespace gotthard::wire
