// Paths that take less than their device does: learned from routers that could not pass a sealed
// packet on (RFC 1191, RFC 8201), when they quote one that was sent lately, and forgotten after a
// while. Others know neither a session's id nor its counter, so nobody off the path can shrink it.
// Only the manager's thread calls it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>

#include "base/clock.h"
#include "dataplane/manager/peer_store.h"
#include "dataplane/manager/session_store.h"
#include "dataplane/token_bucket.h"
#include "dataplane/wire/path_mtu.h"

namespace gotthard::dataplane {

class PathMtu {
 public:
  // RFC 8201, 4: a path may have become a better one.
  static constexpr Nanoseconds kLifetime = 600 * kSecond;
  // What a quoted counter may be behind the last.
  static constexpr std::uint32_t kRecent = 65536;

  PathMtu(const SessionStore* sessions, PeerStore* peers) : sessions_(sessions), peers_(peers) {}

  // A frame from the underlay that the host gets as well.
  void hear(std::span<const std::byte> frame, Nanoseconds now);
  void tick(Nanoseconds now);

 private:
  [[nodiscard]] const Session* find(const wire::PathMtuNotice& notice) const;
  [[nodiscard]] bool is(const Session& session, const wire::PathMtuNotice& notice) const;

  const SessionStore* sessions_;
  PeerStore* peers_;
  std::map<std::uint32_t, Nanoseconds> until_;  // by peer
  // Looking at all sessions is not for everybody to ask for at any rate.
  TokenBucket limit_{kSecond / 100, 10};
};

}  // namespace gotthard::dataplane
