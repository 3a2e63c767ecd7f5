#include "control/wireguard/directory_reader.h"

namespace gotthard::control {

std::optional<Identity> identity_of(const abi::PeerEntry& entry) {
  if (get(entry.used) != 1) {
    return std::nullopt;
  }
  Identity result{.interface = get(entry.interface)};
  for (std::size_t i = 0; i < result.public_key.size(); ++i) {
    result.public_key[i] = get(entry.public_key[i]);
  }
  return result;
}

// The manager may write at the same time; an entry that changes each time it is looked at is one
// that says nothing true.
std::optional<SeenSession> read_session(const abi::SessionEntry& entry, std::size_t slot) {
  for (int attempt = 0; attempt < 8; ++attempt) {
    SeenSession seen{.local_id = entry.local_id.load(std::memory_order_acquire)};
    const std::uint32_t state = get(entry.state);
    seen.remote_id = get(entry.remote_id);
    seen.peer = get(entry.peer);
    seen.role = get(entry.initiator) == 1 ? noise::Role::initiator : noise::Role::responder;
    seen.installed = get(entry.installed_ns);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (get(entry.local_id) != seen.local_id || get(entry.state) != state) {
      continue;
    }
    seen.state = static_cast<abi::SessionState>(state);
    const bool possible =
        (seen.state == abi::SessionState::live || seen.state == abi::SessionState::retiring) &&
        seen.local_id >= abi::kLowestSessionId && (seen.local_id & abi::kSlotMask) == slot;
    return possible ? std::optional(seen) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace gotthard::control
