// Requests of WireGuard's cross-platform userspace API, as `wg` writes them to
// /run/wireguard/NAME.sock: "get=1", or "set=1" and key=value lines. Sans-I/O.
#pragma once

#include <cstddef>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "control/wireguard/change.h"

namespace gotthard::uapi {

// A hundred thousand allowed IPs, several times over.
inline constexpr std::size_t kMaxRequest = 16U << 20;

struct Get {};
using Request = std::variant<Get, control::InterfaceChange>;

// `text` is without the empty line that ends a request. Keys are in hexadecimal, as is the API's
// way; `name` is a key of our own, what operators call a peer. A request with anything unknown in
// it is refused as a whole (EPROTO, or EINVAL for a value).
[[nodiscard]] tl::expected<Request, control::ChangeRefused> parse(std::string_view text);

}  // namespace gotthard::uapi
