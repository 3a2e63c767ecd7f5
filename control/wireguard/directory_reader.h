// What the directory says of peers and sessions, checked: the data plane writes it at any time, and
// control believes nothing that no manager would write.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "control/noise/device.h"
#include "dataplane/abi/directory.h"

namespace gotthard::control {

template <typename T>
T get(const std::atomic<T>& field) {
  return field.load(std::memory_order_relaxed);
}

// Who a peer is, whatever its number.
struct Identity {
  std::uint32_t interface = 0;
  std::array<std::uint8_t, 32> public_key{};
  auto operator<=>(const Identity&) const = default;
};

// Nothing: no such peer lives.
std::optional<Identity> identity_of(const abi::PeerEntry& entry);

// What one entry says, all of the same session.
struct SeenSession {
  std::uint32_t local_id = 0, remote_id = 0, peer = 0;
  abi::SessionState state = abi::SessionState::empty;
  noise::Role role = noise::Role::initiator;
  Nanoseconds installed = 0;
};

// Nothing: the slot is empty, or holds what no manager writes.
std::optional<SeenSession> read_session(const abi::SessionEntry& entry, std::size_t slot);

}  // namespace gotthard::control
