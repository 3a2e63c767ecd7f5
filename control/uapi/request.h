// Requests of WireGuard's cross-platform userspace API, as `wg` writes them to
// /run/wireguard/NAME.sock: "get=1", or "set=1" and key=value lines. Sans-I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "control/wireguard/change.h"

namespace gotthard::uapi {

// A hundred thousand allowed IPs, several times over.
inline constexpr std::size_t kMaxRequest = 16U << 20;

struct Get {};
using Request = std::variant<Get, control::InterfaceChange>;

// Who wrote it. In our own checkpoint a peer has a `name` too, what operators call it, and its
// endpoint may be a host's name.
enum class Author : std::uint8_t { wg, checkpoint };

// `text` is without the empty line that ends a request. Keys are in hexadecimal, as is the API's
// way. A request with anything unknown in it is refused as a whole (EPROTO, or EINVAL for a value).
[[nodiscard]] tl::expected<Request, control::ChangeRefused> parse(std::string_view text,
                                                                  Author author = Author::wg);

}  // namespace gotthard::uapi
