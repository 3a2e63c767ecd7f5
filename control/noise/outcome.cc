#include "control/noise/outcome.h"

namespace gotthard::noise {

std::string_view name(Outcome outcome) {
  constexpr std::array<std::string_view, kOutcomeCount> kNames = {
      "initiation_sent",      "initiation_accepted", "response_sent",
      "response_accepted",    "cookie_reply_sent",   "cookie_accepted",
      "handshake_done",       "malformed",           "mac1_invalid",
      "mac2_missing",         "rate_limited",        "initiation_not_authentic",
      "peer_unknown",         "initiation_replayed", "initiation_flood",
      "initiation_crossed",   "response_unexpected", "response_not_authentic",
      "response_unconfirmed", "cookie_unexpected",   "cookie_not_authentic",
      "no_endpoint",          "no_response",         "no_session_id",
      "install_refused",
  };
  static_assert(!kNames.back().empty());
  const auto index = static_cast<std::size_t>(outcome);
  return index < kNames.size() ? kNames[index] : "unknown";
}

}  // namespace gotthard::noise
