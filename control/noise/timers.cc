#include "control/noise/timers.h"

#include <algorithm>
#include <span>

namespace gotthard::noise {

Nanoseconds draw_jitter(const Randomness& randomness) {
  std::uint32_t value = 0;
  randomness(std::as_writable_bytes(std::span(&value, 1)));
  return value % kMaxJitter;
}

Due Timers::check(const Activity& activity, const std::optional<Session>& current,
                  Nanoseconds persistent_keepalive, const Randomness& randomness, Nanoseconds now) {
  const bool usable = current && current->usable(now);
  Due due;
  due.handshake = usable && key_is_old(activity, *current);
  // Not short-circuited: it keeps account of the traffic.
  due.handshake |= unanswered(activity, randomness, now);
  due.keepalive = owes_keepalive(activity, now);

  if (persistent_keepalive != 0) {
    const Nanoseconds last = std::max({activity.last_rx, activity.last_tx, last_handshake_sent_,
                                       last_handshake_received_, last_keepalive_});
    due.keepalive |= last == 0 || now >= last + persistent_keepalive;
  }
  if (due.keepalive && !usable) {
    // A keepalive without a session starts one; a passive one has lost its purpose.
    due.keepalive = false;
    due.handshake |= persistent_keepalive != 0;
  }
  if (due.keepalive) {
    keepalive_requested(now);
    keepalive_due_ = 0;
  }
  return due;
}

bool Timers::key_is_old(const Activity& activity, const Session& session) {
  if (activity.current_session == session.local_id && activity.sent >= kRekeyAfterMessages) {
    return true;
  }
  // Only the initiator renews by age, so that both do not at once.
  if (session.role != Role::initiator) {
    return false;
  }
  if (activity.last_tx >= session.installed + kRekeyAfterTime) {
    return true;
  }
  if (activity.last_rx >= session.installed + kRekeyWhenReceiving &&
      renewed_when_receiving_ != session.local_id) {
    renewed_when_receiving_ = session.local_id;
    return true;
  }
  return false;
}

bool Timers::unanswered(const Activity& activity, const Randomness& randomness, Nanoseconds now) {
  const Nanoseconds heard =
      std::max({activity.last_rx, last_handshake_received_, last_unanswered_});
  const Nanoseconds first =
      activity.unanswered_since > heard ? activity.unanswered_since : activity.last_tx_data;
  if (first <= heard) {
    unanswered_deadline_ = 0;
    return false;
  }
  if (unanswered_deadline_ == 0 || unanswered_from_ <= heard) {
    unanswered_from_ = first;
    unanswered_deadline_ = first + kUnansweredTimeout + draw_jitter(randomness);
  }
  if (now < unanswered_deadline_) {
    return false;
  }
  unanswered_deadline_ = 0;
  last_unanswered_ = now;
  return true;
}

bool Timers::owes_keepalive(const Activity& activity, Nanoseconds now) {
  const Nanoseconds spoke = std::max({activity.last_tx, last_handshake_sent_, last_keepalive_});
  // Equal times: the snapshot does not tell which came first, and one keepalive too many is
  // harmless, one too few costs the peer a handshake.
  if (activity.last_rx_data == 0 || activity.last_rx_data < spoke) {
    keepalive_due_ = 0;
    return false;
  }
  if (keepalive_due_ == 0) {
    keepalive_due_ = activity.last_rx_data + kKeepaliveTimeout;
  }
  return now >= keepalive_due_;
}

}  // namespace gotthard::noise
