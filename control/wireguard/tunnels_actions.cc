// What the protocol wants done: in the checkpoint, in the data plane, on the wire.
#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "base/log.h"
#include "control/wireguard/tunnels.h"
#include "crypto/bytes.h"

namespace gotthard::control {
namespace {

constexpr auto kHandshake = log::Subsystem::handshake;

bool is_initiation(std::span<const std::byte> message) {
  return !message.empty() && message[0] == std::byte{1};
}

}  // namespace

void Tunnels::carry_out(Tunnel* tunnel, noise::Actions actions) {
  for (std::size_t i = 0; i < actions.size(); ++i) {
    const auto* checkpoint = std::get_if<noise::Checkpoint>(&actions[i]);
    if (checkpoint != nullptr && !act(tunnel, *checkpoint)) {
      refuse_rest(tunnel, std::span(actions).subspan(i + 1));
      return;
    }
    std::visit(
        [&]<typename A>(const A& action) {
          if constexpr (!std::is_same_v<A, noise::Checkpoint>) {
            act(tunnel, action);
          }
        },
        actions[i]);
  }
}

// What is not in the checkpoint must not be sent or installed: after a restart it would be open to
// replay.
void Tunnels::refuse_rest(Tunnel* tunnel, std::span<const noise::Action> actions) {
  for (const noise::Action& action : actions) {
    if (const auto* install = std::get_if<noise::InstallSession>(&action)) {
      links_.sessions->release(install->local_id);
      carry_out(tunnel, tunnel->device.on_refused(install->local_id, time_now()));
    }
  }
}

bool Tunnels::act(Tunnel*, const noise::Checkpoint& action) {
  TunnelPeer& peer = peers_.at(action.peer);
  peer.record.greatest_received = action.timestamps.greatest_received;
  peer.record.last_sent = action.timestamps.last_sent;
  return commit(&peer);
}

bool Tunnels::commit(TunnelPeer* peer) {
  if (links_.checkpoint->commit(peer->record_key, peer->record)) {
    return true;
  }
  log::event(log::Level::error, log::Subsystem::control, "checkpoint_full",
             {{"peer", full_name(peer->number)}});
  return false;
}

void Tunnels::act(Tunnel* tunnel, const noise::SendDatagram& action) {
  if (!links_.dataplane->attached() || action.bytes.size() > abi::kMaxPayload) {
    return;
  }
  if (action.peer != noise::SendDatagram::kNoPeer && is_initiation(action.bytes)) {
    ++peers_.at(action.peer).unanswered;
  }
  const auto way = links_.fib->resolve_endpoint(tunnel->number, action.to.address, boottime_now());
  if (!way) {
    log::event(
        log::Level::warning, kHandshake, "no_route_to_endpoint",
        {{"interface", tunnel->settings.name}, {"endpoint", config::to_string(action.to.address)}});
    return;
  }
  // The way's neighbour must be known to the data plane before the packet.
  links_.fib->flush(boottime_now());
  abi::PacketRecord record;
  record.interface = tunnel->number;
  record.length = static_cast<std::uint16_t>(action.bytes.size());
  record.remote = action.to.address;
  record.remote_port = action.to.port;
  record.local = action.local.family == action.to.address.family ? action.local : way->local;
  record.local_port = htons(tunnel->settings.listen_port);
  record.neighbour = way->neighbour;
  record.through = way->through;
  std::copy(action.bytes.begin(), action.bytes.end(), record.payload.begin());
  if (!links_.dataplane->inject(record)) {
    log::event(log::Level::warning, kHandshake, "inject_ring_full",
               {{"interface", tunnel->settings.name}});
  } else if (log::enabled(log::Level::debug, kHandshake)) {
    log::event(log::Level::debug, kHandshake, "message_sent",
               {{"interface", tunnel->settings.name},
                {"type", std::to_integer<unsigned>(action.bytes.front())},
                {"to", config::to_string(action.to.address)},
                {"port", ntohs(action.to.port)}});
  }
}

void Tunnels::act(Tunnel*, const noise::InstallSession& action) {
  abi::CommandBody body = abi::SessionInstall{.local_id = action.local_id,
                                              .remote_id = action.remote_id,
                                              .peer = action.peer,
                                              .use = action.use,
                                              .window = replay_window_,
                                              .message_limit = noise::kRejectAfterMessages,
                                              .reject_after_ns = noise::kRejectAfterTime,
                                              .erase_after_ns = noise::kEraseAfterTime};
  auto& command = std::get<abi::SessionInstall>(body);
  std::memcpy(command.send_key.data(), action.send_key.bytes().data(), command.send_key.size());
  std::memcpy(command.receive_key.data(), action.receive_key.bytes().data(),
              command.receive_key.size());
  session_peer_[action.local_id] = action.peer;
  if (links_.dataplane->attached()) {
    links_.dataplane->send(body);
  }
  crypto::wipe(crypto::writable_bytes_of(command.send_key));
  crypto::wipe(crypto::writable_bytes_of(command.receive_key));
}

void Tunnels::act(Tunnel*, const noise::RemoveSession& action) {
  if (links_.dataplane->attached()) {
    links_.dataplane->send(abi::SessionRemove{.local_id = action.local_id});
  }
}

void Tunnels::act(Tunnel*, const noise::SendKeepalive& action) {
  if (links_.dataplane->attached()) {
    links_.dataplane->send(abi::KeepaliveSend{.peer = action.peer});
  }
}

void Tunnels::act(Tunnel*, const noise::EndpointLearned& action) {
  set_endpoint(&peers_.at(action.peer), action.endpoint, action.local, Keep::soon);
}

void Tunnels::act(Tunnel*, const noise::HandshakeDone& action) {
  peers_.at(action.peer).unanswered = 0;
  log::event(log::Level::info, kHandshake, "handshake_done",
             {{"peer", full_name(action.peer)},
              {"role", action.role == noise::Role::initiator ? "initiator" : "responder"}});
}

void Tunnels::act(Tunnel*, const noise::HandshakeFailed& action) {
  log::event(log::Level::warning, kHandshake, "handshake_failed",
             {{"peer", full_name(action.peer)}, {"cause", noise::name(action.cause)}});
}

}  // namespace gotthard::control
