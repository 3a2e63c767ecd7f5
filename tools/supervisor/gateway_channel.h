// The sockets between the supervisor and its children.
#pragma once

#include <span>
#include <utility>

#include "base/fd.h"
#include "base/log.h"
#include "base/result.h"

namespace gotthard::supervisor {

inline constexpr auto kSubsystem = log::Subsystem::supervisor;

// Our end and the child's. A child that does not read its end for some seconds hangs: sending fails
// then.
Result<std::pair<UniqueFd, UniqueFd>> child_channel();

template <typename Message>
std::span<const std::byte> bytes_of(const Message& message) {
  return std::as_bytes(std::span(&message, 1));
}

}  // namespace gotthard::supervisor
