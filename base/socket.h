// Messages with descriptors over SOCK_SEQPACKET UNIX sockets: one send, one message, nothing torn.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace gotthard {

inline constexpr std::size_t kMaxMessageFds = 16;

struct Message {
  std::vector<std::byte> bytes;
  std::vector<UniqueFd> fds;
};

// Close-on-exec, non-blocking on neither side.
Result<std::pair<UniqueFd, UniqueFd>> seqpacket_pair();

// Blocks until the peer's queue has room; a closed peer is an error, never SIGPIPE.
Status send_message(int socket, std::span<const std::byte> bytes, std::span<const int> fds = {});

// At most `limit` bytes. Nothing: the peer has closed, or (with `wait` false) nothing is there yet;
// `*closed` tells which. A longer message or more than kMaxMessageFds descriptors is an error.
Result<std::optional<Message>> receive_message(int socket, std::size_t limit, bool wait,
                                               bool* closed);

}  // namespace gotthard
