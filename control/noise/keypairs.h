// Which sessions a peer has: the data plane's keypairs as control knows them.
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

// Follows the rules by which the data plane rotates keys: what an initiator installs is `current`
// at once, what a responder installs is `next` until its first packet; what was `current` becomes
// `previous`. When our own handshake ends while a `next` waits, two handshakes crossed: that one is
// `crossed`. It opens packets and never becomes `current`, or each side would end with a session
// whose renewal is the other's business. Unlike in Linux, no installation takes away a key that the
// peer may still use.
struct Keypairs {
  std::optional<Session> previous, current, next, crossed;

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
