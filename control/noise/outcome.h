// What became of handshakes: counted, and named for operators. The names are stable.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gotthard::noise {

enum class Outcome : std::uint8_t {
  initiation_sent,
  initiation_accepted,
  response_sent,
  response_accepted,
  cookie_reply_sent,
  cookie_accepted,
  handshake_done,
  malformed,                 // no handshake message: type or length
  mac1_invalid,              // meant for another public key
  mac2_missing,              // under load: a cookie reply was sent instead
  rate_limited,              // under load: more than 20 a second from one source
  initiation_not_authentic,  // made by somebody who does not hold the key it names
  peer_unknown,              // authentic, of a public key that is not configured
  initiation_replayed,       // its timestamp is not after the greatest received
  initiation_flood,          // a second one within 20 ms
  initiation_crossed,        // ours was on its way: ours is completed instead
  response_unexpected,       // answers no initiation in flight
  response_not_authentic,    // as a rule the preshared keys differ
  response_unconfirmed,      // the peer initiates again without having used our response
  cookie_unexpected,         // answers nothing that we sent
  cookie_not_authentic,
  no_endpoint,      // the peer's address is not known
  no_response,      // none within 90 s
  no_session_id,    // all are in use
  install_refused,  // by the data plane
  count
};

inline constexpr std::size_t kOutcomeCount = static_cast<std::size_t>(Outcome::count);

[[nodiscard]] std::string_view name(Outcome outcome);

using OutcomeCounters = std::array<std::uint64_t, kOutcomeCount>;

}  // namespace gotthard::noise
