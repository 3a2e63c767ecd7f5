// Which sessions a peer has: the data plane's {previous, current, next} as control knows it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "control/noise/actions.h"

namespace gotthard::noise {

inline constexpr Nanoseconds kRejectAfterTime = 180 * kSecond;

struct Session {
  std::uint32_t local_id = 0;
  std::uint32_t remote_id = 0;
  Role role = Role::initiator;
  Nanoseconds installed = 0;

  // Neither seals nor opens at kRejectAfterTime.
  [[nodiscard]] bool usable(Nanoseconds now) const { return now < installed + kRejectAfterTime; }
};

// Follows the rules by which the data plane rotates keys (those of Linux): what an initiator
// installs is `current` at once, what a responder installs is `next` until its first packet.
struct Keypairs {
  std::optional<Session> previous, current, next;

  void install(const Session& session);
  // False: it is not `next`.
  bool confirm(std::uint32_t local_id);
  void erase(std::uint32_t local_id);
  [[nodiscard]] bool has(std::uint32_t local_id) const;
  [[nodiscard]] std::vector<std::uint32_t> ids() const;
  // When the youngest was installed.
  [[nodiscard]] std::optional<Nanoseconds> youngest() const;
};

}  // namespace gotthard::noise
