// What a data plane must know of interfaces and peers, and which of its sessions are ours.
#include <arpa/inet.h>

#include <algorithm>

#include "base/log.h"
#include "control/wireguard/directory_reader.h"
#include "control/wireguard/tunnels.h"

namespace gotthard::control {

Tunnels::Resynced Tunnels::resync(bool fresh, Nanoseconds now) {
  for (Tunnel& tunnel : tunnels_) {
    follow_device(&tunnel);
  }
  (void)links_.fib->take_changed_endpoints();
  for (const auto& [number, peer] : peers_) {
    send_peer(peer);
  }
  if (fresh) {
    session_peer_.clear();
    for (Tunnel& tunnel : tunnels_) {
      tunnel.device.forget_sessions();
    }
    links_.sessions->clear();
  }
  return adopt_sessions(*links_.dataplane->directory(), now);
}

Tunnels::Resynced Tunnels::adopt_sessions(const abi::Directory& directory, Nanoseconds now) {
  using Place = noise::LiveSession::Place;
  Resynced result;
  for (std::size_t slot = 0; slot < abi::kMaxSessions; ++slot) {
    const auto seen = read_session(directory.session[slot], slot);
    if (!seen) {
      continue;
    }
    links_.sessions->occupy(seen->local_id);
    if (seen->state != abi::SessionState::live || session_peer_.contains(seen->local_id) ||
        (links_.is_others && links_.is_others(seen->peer))) {
      continue;
    }
    const auto peer = peers_.find(seen->peer);
    bool adopted = false;
    // Of one that was set down while control was away nothing is kept.
    const bool stopped = peer != peers_.end() && !tunnels_[peer->second.interface].up;
    if (peer != peers_.end() && !stopped &&
        identity_of(directory.peer[seen->peer]) ==
            Identity{.interface = peer->second.interface,
                     .public_key = peer->second.settings.public_key}) {
      const abi::PeerEntry& of = directory.peer[seen->peer];
      const Place place = get(of.current_session) == seen->local_id ? Place::current
                          : get(of.next_session) == seen->local_id  ? Place::next
                                                                    : Place::previous;
      adopted = tunnels_[peer->second.interface]
                    .device
                    .adopt_session(seen->peer, {.local_id = seen->local_id,
                                                .remote_id = seen->remote_id,
                                                .place = place,
                                                .role = seen->role,
                                                .installed = std::min(seen->installed, now)})
                    .has_value();
    }
    if (adopted) {
      ++result.adopted;
      session_peer_[seen->local_id] = seen->peer;
    } else {
      ++result.removed;
      links_.dataplane->send(abi::SessionRemove{.local_id = seen->local_id});
    }
  }
  return result;
}

namespace {

std::uint8_t options_of(const config::WireGuard& settings) {
  return static_cast<std::uint8_t>((settings.copy_dscp ? abi::kCopyDscp : 0) |
                                   (settings.mss_clamp ? abi::kClampMss : 0));
}

}  // namespace

void Tunnels::send_interface(Tunnel* tunnel) {
  tunnel->up = links_.fib->tunnel_up(tunnel->number);
  tunnel->mtu = links_.fib->tunnel_mtu(tunnel->number);
  abi::InterfaceSet command{.interface = tunnel->number,
                            .listen_port = htons(tunnel->settings.listen_port),
                            .mtu = tunnel->mtu,
                            .up = static_cast<std::uint8_t>(tunnel->up ? 1 : 0),
                            .options = options_of(tunnel->settings),
                            .source_ports = tunnel->settings.source_ports,
                            .mac1_key = tunnel->device.mac1_key()};
  tunnel->settings.name.copy(command.name.data(), command.name.size() - 1);
  links_.dataplane->send(command);
}

// As on a kernel interface: one that is set down forgets its sessions and its handshakes.
void Tunnels::follow_device(Tunnel* tunnel) {
  const bool was_up = tunnel->up;
  send_interface(tunnel);
  if (was_up == tunnel->up) {
    return;
  }
  log::event(log::Level::info, log::Subsystem::control,
             tunnel->up ? "interface_up" : "interface_down",
             {{"interface", tunnel->settings.name}});
  if (tunnel->up) {
    tunnel->device.start(time_now());
  } else {
    carry_out(tunnel, tunnel->device.stop());
  }
}

void Tunnels::send_peer(const TunnelPeer& peer) {
  const config::WireGuard& tunnel = tunnels_[peer.interface].settings;
  abi::PeerSet command{.peer = peer.number,
                       .interface = peer.interface,
                       .reorder_budget = tunnel.reorder_budget,
                       .public_key = peer.settings.public_key};
  if (peer.endpoint) {
    command.endpoint.remote = peer.endpoint->address;
    command.endpoint.remote_port = peer.endpoint->port;
    command.endpoint.local_port = htons(tunnel.listen_port);
    if (const auto way = links_.fib->endpoint(peer.number)) {
      command.endpoint.neighbour = way->neighbour;
      command.endpoint.local = way->local;
      command.endpoint.through = way->through;
      command.endpoint.mtu = way->mtu;
    }
  }
  links_.dataplane->send(command);
}

void Tunnels::on_turn() {
  if (!links_.dataplane->attached()) {
    return;
  }
  for (const std::uint32_t number : links_.fib->take_changed_endpoints()) {
    if (const auto peer = peers_.find(number); peer != peers_.end()) {
      send_peer(peer->second);
    } else if (links_.others_endpoint) {
      links_.others_endpoint(number);
    }
  }
  for (Tunnel& tunnel : tunnels_) {
    if (tunnel.up != links_.fib->tunnel_up(tunnel.number) ||
        tunnel.mtu != links_.fib->tunnel_mtu(tunnel.number)) {
      follow_device(&tunnel);
    }
  }
}

}  // namespace gotthard::control
