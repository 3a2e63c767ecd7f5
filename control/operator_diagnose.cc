// Why a connection or a peer is not up, as far as it can be known from here.
#include <algorithm>

#include "control/gateway.h"
#include "control/ipsec/ike_settings.h"
#include "control/noise/outcome.h"
#include "control/operator.h"
#include "control/operator_values.h"

namespace gotthard::control {
namespace {

using mgmt::json;

json record(const ike::Happened& happened, Nanoseconds now) {
  return {{"stage", ike::name(happened.stage)},
          {"cause", ike::name(happened.cause)},
          {"text", happened.text},
          {"child", happened.child},
          {"remote", happened.path.remote.family == abi::Family::none
                         ? json()
                         : json(config::to_string(happened.path.remote))},
          {"times", happened.times},
          {"seconds_ago", seconds_since(happened.at.boot, now)}};
}

json diagnose_ike(const Gateway& gateway, const std::string& name) {
  const Nanoseconds now = boottime_now();
  const std::string connection =
      std::count(name.begin(), name.end(), '/') < 2 ? name : name.substr(0, name.rfind('/'));
  const ike::Engine& engine = gateway.negotiations().engine();
  const ike::Diagnosis found = engine.diagnose(connection).value_or(ike::Diagnosis{});
  json records = json::array();
  for (const ike::Happened& happened : found.records) {
    records.push_back(record(happened, now));
  }
  json strangers = json::array();
  for (const ike::Happened& happened : engine.strangers()) {
    strangers.push_back(record(happened, now));
  }
  const ike::Happened* last = found.records.empty() ? nullptr : &found.records.back();
  return {{"name", name},
          {"protocol", "ike"},
          {"wanted", found.wanted},
          {"stage", last == nullptr ? json() : json(ike::name(last->stage))},
          {"cause", last == nullptr ? json() : json(ike::name(last->cause))},
          {"text", last == nullptr ? json() : json(last->text)},
          {"advice", last == nullptr ? json() : json(ike::advice(last->cause))},
          {"next_attempt_in_seconds", seconds_until(found.retry_at, now)},
          {"attempts", records},
          {"strangers", strangers}};
}

// What an operator can do about it.
std::string advice(noise::Outcome outcome) {
  using enum noise::Outcome;
  switch (outcome) {
    case no_response:
      return "the peer is down, has not our public key, or UDP to its port is blocked on the way";
    case no_endpoint:
      return "write the peer's endpoint, or let the peer begin";
    case response_not_authentic:
      return "give both sides the same preshared key";
    case response_unconfirmed:
      return "our answers do not reach the peer, or the preshared keys differ";
    case initiation_replayed:
      return "the peer's clock went back: set it, or wait until it has passed where it was";
    case no_session_id:
      return "too many sessions are up";
    case install_refused:
      return "the data plane's log says why";
    default:
      return "";
  }
}

// Of whom it cannot be said from which peer it was.
std::string hint(const noise::OutcomeCounters& counters) {
  const auto count = [&](noise::Outcome outcome) {
    return counters[static_cast<std::size_t>(outcome)];
  };
  if (count(noise::Outcome::peer_unknown) > 0) {
    return fmt::format(
        "{} handshakes came from public keys that are not configured at this "
        "interface",
        count(noise::Outcome::peer_unknown));
  }
  if (count(noise::Outcome::initiation_not_authentic) > 0) {
    return fmt::format("{} handshakes were made by somebody who does not hold the key they name",
                       count(noise::Outcome::initiation_not_authentic));
  }
  return "";
}

// Why outer packets to the peer go nowhere; empty: they go, or it has no endpoint.
std::string no_way(const Gateway& gateway, std::uint32_t number) {
  const auto by = gateway.fib().outer_way(number);
  if (!by || gateway.fib().endpoint(number)) {
    return "";
  }
  if (by->refusal.empty()) {
    return "there is no way to its endpoint: no source address, or no station is there";
  }
  return by->rule ? fmt::format("there is no way to its endpoint: {} by the policy rule {}: {}",
                                by->refusal, by->rule->priority, by->rule->text)
                  : fmt::format("there is no way to its endpoint: {}", by->refusal);
}

json diagnose_peer(const Gateway& gateway, std::uint32_t number, const std::string& name) {
  const Nanoseconds now = boottime_now();
  const TunnelPeer& peer = gateway.tunnels().peers().at(number);
  const noise::PeerStatus status = gateway.tunnels().status(peer).value_or(noise::PeerStatus{});
  const bool up =
      status.last_handshake != 0 && now < status.last_handshake + noise::kRejectAfterTime;
  const auto& failure = status.last_failure;
  // The data plane drops what was made for another public key, before control sees it.
  const std::uint64_t for_others = dropped(gateway, Drop::wg_bad_mac1);
  std::string text = no_way(gateway, number);
  if (text.empty()) {
    text = hint(gateway.tunnels().tunnels()[peer.interface].device.counters());
  }
  if (text.empty() && for_others > 0) {
    text = fmt::format("{} handshakes came for another public key than ours", for_others);
  }
  const char* stage = up                    ? "established"
                      : status.in_flight    ? "initiation_sent"
                      : status.attempts > 0 ? "gave_up"
                                            : "idle";
  return {{"name", name},
          {"protocol", "wireguard"},
          {"stage", stage},
          {"cause", up        ? json("done")
                    : failure ? json(noise::name(*failure))
                              : json()},
          {"text", text},
          {"advice", up || !failure ? json("") : json(advice(*failure))},
          {"attempts_since_success", status.attempts},
          {"last_attempt_seconds_ago", seconds_since(status.last_attempt, now)},
          {"last_success_seconds_ago", seconds_since(status.last_handshake, now)},
          {"last_failure_seconds_ago", seconds_since(status.last_failure_at, now)}};
}

}  // namespace

mgmt::Answer diagnose(const Gateway& gateway, const OperatorTarget& target) {
  return target.peer ? diagnose_peer(gateway, *target.peer, target.name)
                     : diagnose_ike(gateway, target.name);
}

}  // namespace gotthard::control
