// What IKE wants done: in the data plane, on the wire.
#include <arpa/inet.h>

#include <algorithm>
#include <type_traits>

#include "base/log.h"
#include "control/ipsec/ike_settings.h"
#include "control/ipsec/negotiations.h"

namespace gotthard::control {
namespace {

constexpr auto kHandshake = log::Subsystem::handshake;
// What the peer sent before it heard of the end is on its way for so long at the most.
constexpr Nanoseconds kLinger = 5 * kSecond;

std::string hex(std::uint32_t spi) { return fmt::format("{:#010x}", spi); }

}  // namespace

void Negotiations::carry_out(ike::Actions actions) {
  for (const ike::Action& action : actions) {
    const bool kept = std::visit(
        [this]<typename A>(const A& one) {
          if constexpr (std::is_same_v<A, ike::Checkpoint>) {
            return act(one);
          } else {
            act(one);
            return true;
          }
        },
        action);
    if (!kept) {
      return;
    }
  }
}

bool Negotiations::act(const ike::Checkpoint& action) {
  if (links_.states->write(action.sa, action.state.bytes())) {
    return true;
  }
  log::event(log::Level::error, kHandshake, "checkpoint_full",
             {{"ike_sas", links_.states->size()}, {"bytes", action.state.size()}});
  return false;
}

void Negotiations::act(const ike::CheckpointRemove& action) { links_.states->remove(action.sa); }

void Negotiations::act(const ike::SendDatagram& action) {
  const std::size_t skipped = action.marked ? kNonEspMarker : 0;
  if (!links_.dataplane->attached()) {
    return;
  }
  if (action.bytes.size() + skipped > abi::kMaxPayload) {
    log::event(log::Level::warning, kHandshake, "message_too_long",
               {{"bytes", action.bytes.size()}, {"most", abi::kMaxPayload - skipped}});
    return;
  }
  const auto way = links_.fib->resolve_endpoint(interface_, action.path.remote, boottime_now());
  if (!way) {
    log::event(log::Level::warning, kHandshake, "no_route_to_endpoint",
               {{"endpoint", config::to_string(action.path.remote)}});
    return;
  }
  // The way's neighbour must be known to the data plane before the packet.
  links_.fib->flush(boottime_now());
  abi::PacketRecord record;
  record.interface = interface_;
  record.length = static_cast<std::uint16_t>(action.bytes.size() + skipped);
  record.remote = action.path.remote;
  record.remote_port = htons(action.path.remote_port);
  record.local =
      action.path.local.family == action.path.remote.family ? action.path.local : way->local;
  record.local_port = htons(action.path.local_port);
  record.neighbour = way->neighbour;
  record.through = way->through;
  std::ranges::copy(action.bytes, record.payload.begin() + static_cast<std::ptrdiff_t>(skipped));
  if (!links_.dataplane->inject(record)) {
    log::event(log::Level::warning, kHandshake, "inject_ring_full",
               {{"endpoint", config::to_string(action.path.remote)}});
  }
}

// Only what the data plane has answered is told to the peer.
void Negotiations::act(const ike::InstallChild& action) {
  const auto number = links_.children->find(action.connection, action.child);
  if (!links_.dataplane->attached() || !number || !links_.children->install(*number, action)) {
    links_.sessions->release(action.local_spi);
    carry_out(engine_.on_refused(action.local_spi, time_now()));
    return;
  }
  installed_[action.local_spi] = *number;
}

void Negotiations::act(const ike::UseChild& action) {
  if (links_.dataplane->attached() && ours(action.local_spi)) {
    links_.dataplane->send(abi::SessionUse{.local_id = action.local_spi});
  }
}

void Negotiations::act(const ike::RemoveChild& action) {
  const auto found = installed_.find(action.local_spi);
  if (found == installed_.end()) {
    return;
  }
  const std::uint32_t child = found->second;
  installed_.erase(found);
  const bool has_another =
      std::ranges::any_of(installed_, [child](const auto& entry) { return entry.second == child; });
  if (links_.dataplane->attached()) {
    links_.dataplane->send(
        abi::SessionRemove{.local_id = action.local_spi, .linger_ns = has_another ? kLinger : 0});
  }
}

void Negotiations::act(const ike::PeerMoved& action) {
  for (const std::uint32_t number : links_.children->of(action.connection)) {
    if (links_.children->all().at(number).suite) {
      links_.children->move_to(number, action.path);
    }
  }
}

void Negotiations::act(const ike::IkeUp& action) {
  log::event(log::Level::info, kHandshake, action.replaces == 0 ? "ike_up" : "ike_rekeyed",
             {{"connection", action.connection},
              {"remote", config::to_string(action.path.remote)},
              {"remote_id", ike::to_string(action.remote_id)}});
}

void Negotiations::act(const ike::IkeDown& action) {
  log::event(log::Level::info, kHandshake, "ike_down",
             {{"connection", action.connection}, {"cause", ike::name(action.cause)}});
}

void Negotiations::act(const ike::ChildUp& action) {
  log::event(
      log::Level::info, kHandshake, action.replaces == 0 ? "child_up" : "child_rekeyed",
      {{"child", action.connection + "/" + action.child}, {"in_spi", hex(action.local_spi)}});
  const auto number = links_.children->find(action.connection, action.child);
  const auto orphans = number ? orphans_.extract(*number) : decltype(orphans_)::node_type();
  if (!orphans.empty()) {
    for (const std::uint32_t spi : orphans.mapped()) {
      links_.dataplane->send(abi::SessionRemove{.local_id = spi, .linger_ns = kLinger});
    }
  }
}

void Negotiations::act(const ike::ChildDown& action) {
  log::event(
      log::Level::info, kHandshake, "child_down",
      {{"child", action.connection + "/" + action.child}, {"cause", ike::name(action.cause)}});
}

// What went well is told by the others.
void Negotiations::act(const ike::Happened& action) {
  if (action.cause == ike::Cause::done) {
    return;
  }
  log::event(log::Level::warning, kHandshake, "ike_failed",
             {{"connection", action.connection},
              {"child", action.child},
              {"stage", ike::name(action.stage)},
              {"cause", ike::name(action.cause)},
              {"text", action.text},
              {"remote", config::to_string(action.path.remote)}});
}

}  // namespace gotthard::control
