// The paper's timers (section 6) for one peer. Traffic is known from a snapshot ten times a second,
// not packet by packet, so conditions are written over the times of the last packets.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "control/noise/keypairs.h"

namespace gotthard::noise {

inline constexpr Nanoseconds kRekeyTimeout = 5 * kSecond;
inline constexpr Nanoseconds kMaxJitter = 333 * kMillisecond;
inline constexpr Nanoseconds kRekeyAttemptTime = 90 * kSecond;
inline constexpr Nanoseconds kRekeyAfterTime = 120 * kSecond;
inline constexpr Nanoseconds kEraseAfterTime = 3 * kRejectAfterTime;
inline constexpr Nanoseconds kKeepaliveTimeout = 10 * kSecond;
// Received under a key this old, the initiator renews it: the last chance for a handshake and an
// answer before it is rejected.
inline constexpr Nanoseconds kRekeyWhenReceiving =
    kRejectAfterTime - kKeepaliveTimeout - kRekeyTimeout;
// Data went out and nothing came back.
inline constexpr Nanoseconds kUnansweredTimeout = kKeepaliveTimeout + kRekeyTimeout;
inline constexpr std::uint64_t kRekeyAfterMessages = std::uint64_t{1} << 60;
// Half of what the paper allows: room for workers that took counters in blocks.
inline constexpr std::uint64_t kRejectAfterMessages = std::uint64_t{1} << 63;

// Of abi::PeerEntry, and of the SessionEntry of its current session. Times are CLOCK_BOOTTIME, 0
// for never.
struct Activity {
  Nanoseconds last_rx = 0;
  Nanoseconds last_rx_data = 0;
  Nanoseconds last_tx = 0;
  Nanoseconds last_tx_data = 0;
  Nanoseconds unanswered_since = 0;
  std::uint32_t current_session = 0;  // local id, 0 none
  std::uint64_t sent = 0;             // next counter of current_session
};

// At most kMaxJitter, so that two sides do not go on trying at the same time.
[[nodiscard]] Nanoseconds draw_jitter(const Randomness& randomness);

// What the traffic of a peer asks for.
struct Due {
  bool handshake = false;
  bool keepalive = false;
};

class Timers {
 public:
  // Handshake messages of the peer count as traffic; the data plane does not see them.
  void handshake_message_sent(Nanoseconds now) { last_handshake_sent_ = now; }
  void handshake_message_received(Nanoseconds now) { last_handshake_received_ = now; }
  // Until the data plane tells that it was sent.
  void keepalive_requested(Nanoseconds now) { last_keepalive_ = now; }

  // Whatever was sent or received until now asks for nothing any more.
  void traffic_before_is_settled(Nanoseconds now) { last_unanswered_ = now; }

  // `current`: the session that seals, if any.
  [[nodiscard]] Due check(const Activity& activity, const std::optional<Session>& current,
                          Nanoseconds persistent_keepalive, const Randomness& randomness,
                          Nanoseconds now);

 private:
  [[nodiscard]] bool key_is_old(const Activity& activity, const Session& session);
  [[nodiscard]] bool unanswered(const Activity& activity, const Randomness& randomness,
                                Nanoseconds now);
  [[nodiscard]] bool owes_keepalive(const Activity& activity, Nanoseconds now);

  Nanoseconds last_handshake_sent_ = 0;
  Nanoseconds last_handshake_received_ = 0;
  Nanoseconds last_keepalive_ = 0;
  Nanoseconds unanswered_from_ = 0;
  Nanoseconds unanswered_deadline_ = 0;       // 0: everything was answered
  Nanoseconds last_unanswered_ = 0;           // when it led to a handshake
  Nanoseconds keepalive_due_ = 0;             // 0: we owe nothing
  std::uint32_t renewed_when_receiving_ = 0;  // local id: once per session, as Linux has it
};

}  // namespace gotthard::noise
