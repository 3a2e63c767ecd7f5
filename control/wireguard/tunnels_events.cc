// What comes from the data plane, the clock and the resolver goes to the protocol.
#include <algorithm>

#include "control/wireguard/directory_reader.h"
#include "control/wireguard/tunnels.h"

namespace gotthard::control {
void Tunnels::on_punt(const abi::PacketRecord& packet, bool under_load) {
  if (packet.interface >= tunnels_.size()) {
    return;
  }
  Tunnel* tunnel = &tunnels_[packet.interface];
  carry_out(tunnel,
            tunnel->device.on_datagram(std::span(packet.payload).first(packet.length),
                                       {.address = packet.remote, .port = packet.remote_port},
                                       packet.local, time_now(), under_load));
}

bool Tunnels::on_event(const abi::EventBody& event) {
  const auto by_session = [&](std::uint32_t id, auto&& handle) {
    const auto found = session_peer_.find(id);
    Tunnel* tunnel = found == session_peer_.end() ? nullptr : tunnel_of(found->second);
    if (tunnel != nullptr) {
      handle(tunnel);
    }
  };
  if (const auto* e = std::get_if<abi::SessionInstalled>(&event)) {
    by_session(e->local_id,
               [&](Tunnel* t) { carry_out(t, t->device.on_installed(e->local_id, time_now())); });
  } else if (const auto* c = std::get_if<abi::SessionConfirmed>(&event)) {
    by_session(c->local_id,
               [&](Tunnel* t) { carry_out(t, t->device.on_confirmed(c->local_id, time_now())); });
  } else if (const auto* x = std::get_if<abi::SessionErased>(&event)) {
    by_session(x->local_id, [&](Tunnel* t) { t->device.on_erased(x->local_id); });
    session_peer_.erase(x->local_id);
    links_.sessions->release(x->local_id);
  } else if (const auto* r = std::get_if<abi::CommandRefused>(&event)) {
    if (r->local_id == 0) {
      return false;
    }
    by_session(r->local_id,
               [&](Tunnel* t) { carry_out(t, t->device.on_refused(r->local_id, time_now())); });
    session_peer_.erase(r->local_id);
    // A slot that is in use stays so: its holder's SessionErased frees it.
    if (r->reason != abi::Refusal::slot_in_use) {
      links_.sessions->release(r->local_id);
    }
  } else if (const auto* n = std::get_if<abi::NeedHandshake>(&event)) {
    if (Tunnel* t = tunnel_of(n->peer); t != nullptr && t->has_private_key) {
      carry_out(t, t->device.need_handshake(n->peer, time_now()));
    }
  } else if (const auto* m = std::get_if<abi::EndpointMoved>(&event)) {
    const auto peer = peers_.find(m->peer);
    if (peer != peers_.end()) {
      const noise::Endpoint from{.address = m->remote, .port = m->remote_port};
      tunnels_[peer->second.interface].device.on_endpoint_moved(m->peer, from, m->local);
      set_endpoint(&peer->second, from, m->local, Keep::soon);
    }
  } else {
    return false;
  }
  return true;
}

void Tunnels::on_tick() {
  if (!links_.dataplane->attached()) {
    return;
  }
  const noise::Time now = time_now();
  for (auto& [number, peer] : peers_) {
    Tunnel* tunnel = &tunnels_[peer.interface];
    if (!tunnel->up) {
      continue;
    }
    keep_moved_endpoint(&peer, now.boot);
    if (wants_name(peer)) {
      ask_for_name(&peer);
    }
    if (!tunnel->has_private_key) {
      continue;
    }
    carry_out(tunnel, tunnel->device.on_tick(number, activity_of(number, now.boot), now));
  }
}

// Times of the future would keep timers from ever being due.
noise::Activity Tunnels::activity_of(std::uint32_t peer, Nanoseconds now) const {
  const abi::Directory& directory = *links_.dataplane->directory();
  const abi::PeerEntry& entry = directory.peer[peer];
  const auto time = [now](const abi::Counter& field) { return std::min(get(field), now); };
  noise::Activity activity{.last_rx = time(entry.last_rx_ns),
                           .last_rx_data = time(entry.last_rx_data_ns),
                           .last_tx = time(entry.last_tx_ns),
                           .last_tx_data = time(entry.last_tx_data_ns),
                           .unanswered_since = time(entry.unanswered_since_ns),
                           .current_session = get(entry.current_session),
                           .sent = 0};
  const abi::SessionEntry& session = directory.session[activity.current_session & abi::kSlotMask];
  if (activity.current_session != 0 && get(session.local_id) == activity.current_session) {
    activity.sent = get(session.sent);
  }
  return activity;
}

Status Tunnels::rekey(std::uint32_t peer) {
  Tunnel* tunnel = tunnel_of(peer);
  if (tunnel == nullptr) {
    return fail("there is no such peer any more");
  }
  const std::string& name = tunnel->settings.name;
  if (!tunnel->up) {
    return fail("{} is down: set it up first (`ip link set {} up`)", name, name);
  }
  if (!tunnel->has_private_key) {
    return fail("{} has no private key: give it one first (`wg set {} private-key FILE`)", name,
                name);
  }
  carry_out(tunnel, tunnel->device.rekey(peer, time_now()));
  return {};
}

}  // namespace gotthard::control
