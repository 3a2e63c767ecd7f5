#include "control/noise/device.h"

#include <utility>

namespace gotthard::noise {

Result<Device> Device::create(crypto::PrivateKey private_key, Randomness randomness,
                              SessionIds ids) {
  auto mac = crypto::Blake2sMac::create();
  if (!mac) {
    return tl::unexpected(mac.error());
  }
  crypto::clamp(private_key);
  const PublicKey public_key = crypto::public_key(private_key);
  return Device({std::move(private_key), public_key}, std::move(*mac), std::move(randomness),
                std::move(ids));
}

Device::Device(crypto::KeyPair local, crypto::Blake2sMac mac, Randomness randomness, SessionIds ids)
    : local_(std::move(local)),
      mac_(std::move(mac)),
      randomness_(std::move(randomness)),
      ids_(std::move(ids)),
      checker_(local_.public_key, randomness_),
      admission_(randomness_) {}

bool Device::may_be_peer(const PublicKey& public_key) const {
  return public_key != local_.public_key && remote_static(local_, public_key).has_value();
}

Actions Device::set_private_key(crypto::PrivateKey private_key) {
  crypto::clamp(private_key);
  const PublicKey public_key = crypto::public_key(private_key);
  local_ = {std::move(private_key), public_key};
  checker_ = CookieChecker(local_.public_key, randomness_);
  Actions actions = end_sessions();
  for (auto& [number, peer] : peers_) {
    // Valid with any key of ours: add_peer() has seen to that.
    if (auto remote = remote_static(local_, peer.remote.public_key)) {
      peer.remote = std::move(*remote);
    }
    peer.next_initiation = 0;  // how often the old identity has tried says nothing of this one
  }
  return actions;
}

Actions Device::stop() {
  stopped_ = true;
  Actions actions = end_sessions();
  for (auto& [number, peer] : peers_) {
    peer.handshake_wanted = false;
    peer.next_initiation = 0;
  }
  return actions;
}

void Device::start(Time now) {
  stopped_ = false;
  for (auto& [number, peer] : peers_) {
    peer.timers = {};
    peer.timers.traffic_before_is_settled(now.boot);
    peer.keepalive_at_once = peer.persistent_keepalive != 0;
  }
}

// What is under way is no session yet: the data plane does not know it.
Actions Device::end_sessions() {
  for (auto& [number, peer] : peers_) {
    if (peer.in_flight) {
      peer.handshake_wanted = true;
      abandon_initiation(peer);
    }
  }
  Actions actions;
  for (const auto& [local_id, number] : by_local_id_) {
    actions.emplace_back(RemoveSession{local_id});
  }
  forget_sessions();
  return actions;
}

Status Device::add_peer(PeerNumber number, const PublicKey& public_key, PeerSettings settings,
                        const Timestamps& timestamps) {
  if (public_key == local_.public_key) {
    return fail("A peer has the public key of this interface; give it the other side's.");
  }
  if (peers_.contains(number) || by_public_key_.contains(public_key)) {
    return fail("A peer with this public key exists already; give each peer a key of its own.");
  }
  auto remote = remote_static(local_, public_key);
  if (!remote) {
    return fail("A peer's public key is no valid key; take it from `wg pubkey` on the other side.");
  }
  Peer& peer = peers_.try_emplace(number, number, std::move(*remote)).first->second;
  by_public_key_.emplace(public_key, number);
  peer.status.timestamps = timestamps;
  return update_peer(number, std::move(settings));
}

Status Device::update_peer(PeerNumber number, PeerSettings settings) {
  Peer* peer = find(number);
  if (peer == nullptr) {
    return fail("There is no peer number {} to change; add it first.", number);
  }
  if (settings.endpoint && settings.endpoint != peer->status.endpoint) {
    peer->status.endpoint = settings.endpoint;
    peer->local = {};
  }
  // Switched on, it opens the way through a NAT at once, as in Linux.
  peer->keepalive_at_once |= settings.persistent_keepalive != 0 && peer->persistent_keepalive == 0;
  peer->persistent_keepalive = settings.persistent_keepalive;
  peer->preshared_key = std::move(settings.preshared_key);
  return {};
}

Actions Device::remove_peer(PeerNumber number) {
  Actions actions;
  Peer* peer = find(number);
  if (peer == nullptr) {
    return actions;
  }
  abandon_initiation(*peer);
  std::erase_if(by_local_id_, [&](const auto& entry) {
    if (entry.second != number) {
      return false;
    }
    actions.emplace_back(RemoveSession{entry.first});
    return true;
  });
  by_public_key_.erase(peer->remote.public_key);
  peers_.erase(number);
  return actions;
}

Actions Device::on_tick(PeerNumber number, const Activity& activity, Time now) {
  Actions actions;
  Peer* peer = find(number);
  if (peer == nullptr || stopped_) {
    return actions;
  }
  catch_up(*peer, activity, now, actions);
  const Due due = peer->timers.check(activity, peer->keypairs.current, peer->persistent_keepalive,
                                     randomness_, now.boot);
  const bool usable = peer->keypairs.current && peer->keypairs.current->usable(now.boot);
  const bool at_once = std::exchange(peer->keepalive_at_once, false);
  if (due.keepalive || (at_once && usable)) {
    peer->timers.keepalive_requested(now.boot);
    actions.emplace_back(SendKeepalive{number});
  }
  peer->handshake_wanted |= due.handshake || (at_once && !usable);
  if (peer->in_flight) {
    peer->handshake_wanted = false;
    retransmit_or_give_up(*peer, now, actions);
  } else if (peer->handshake_wanted && peer->status.endpoint) {
    request_handshake(*peer, now, actions);
  }
  erase_old_keys(*peer, now, actions);
  return actions;
}

// Events may be lost when their ring is full; the directory tells the same.
void Device::catch_up(Peer& peer, const Activity& activity, Time now, Actions& actions) {
  const std::uint32_t current = activity.current_session;
  if (peer.installing && peer.installing->local_id == current) {
    actions = on_installed(current, now);
  } else if (peer.keypairs.next && peer.keypairs.next->local_id == current) {
    actions = on_confirmed(current, now);
  }
  if (peer.installing && now.boot >= peer.installing->installed + kRekeyTimeout) {
    actions.emplace_back(RemoveSession{peer.installing->local_id});
    peer.installing.reset();
    peer.handshake_wanted = true;
  }
}

Actions Device::on_installed(std::uint32_t local_id, Time now) {
  Actions actions;
  Peer* peer = owner(local_id);
  if (peer != nullptr && peer->installing && peer->installing->local_id == local_id) {
    Session session = *std::exchange(peer->installing, std::nullopt);
    session.installed = now.boot;
    peer->keypairs.install(session);
    handshake_done(*peer, session, now, actions);
    // The responder may not use the session before it has seen a packet under it.
    peer->timers.keepalive_requested(now.boot);
    actions.emplace_back(SendKeepalive{peer->number});
  } else if (peer != nullptr && peer->responding &&
             peer->responding->session.local_id == local_id) {
    PendingResponse pending = std::move(*std::exchange(peer->responding, std::nullopt));
    pending.session.installed = now.boot;
    peer->keypairs.install(pending.session);
    peer->cookies.add_macs(pending.message, now.boot, mac_);
    peer->timers.handshake_message_sent(now.boot);
    peer->next_initiation = now.boot + kRekeyTimeout;
    count(Outcome::response_sent, peer);
    actions.emplace_back(
        SendDatagram{peer->number, pending.to, pending.local, to_datagram(pending.message)});
  } else if (peer == nullptr || !peer->keypairs.has(local_id)) {
    // Its peer was removed, or initiated again, in the meantime.
    actions.emplace_back(RemoveSession{local_id});
  }
  return actions;
}

Actions Device::on_refused(std::uint32_t local_id, Time now) {
  Actions actions;
  Peer* peer = owner(local_id);
  by_local_id_.erase(local_id);
  if (peer == nullptr) {
    return actions;
  }
  if (peer->installing && peer->installing->local_id == local_id) {
    peer->installing.reset();
    peer->handshake_wanted = true;
  } else if (peer->responding && peer->responding->session.local_id == local_id) {
    peer->responding.reset();
  } else {
    return actions;
  }
  failed(*peer, Outcome::install_refused, now);
  actions.emplace_back(HandshakeFailed{peer->number, Outcome::install_refused});
  return actions;
}

Actions Device::on_confirmed(std::uint32_t local_id, Time now) {
  Actions actions;
  Peer* peer = owner(local_id);
  if (peer != nullptr && peer->keypairs.confirm(local_id)) {
    abandon_initiation(*peer);
    handshake_done(*peer, *peer->keypairs.current, now, actions);
  }
  return actions;
}

void Device::on_erased(std::uint32_t local_id) {
  if (Peer* peer = owner(local_id); peer != nullptr) {
    peer->keypairs.erase(local_id);
    by_local_id_.erase(local_id);
  }
}

void Device::on_endpoint_moved(PeerNumber number, const Endpoint& endpoint,
                               const abi::Address& local) {
  if (Peer* peer = find(number); peer != nullptr) {
    peer->status.endpoint = endpoint;
    peer->local = local;
  }
}

void Device::forget_endpoint(PeerNumber number) {
  if (Peer* peer = find(number); peer != nullptr) {
    abandon_initiation(*peer);
    peer->status.endpoint.reset();
    peer->local = {};
  }
}

Status Device::adopt_session(PeerNumber number, const LiveSession& live) {
  Peer* peer = find(number);
  if (peer == nullptr) {
    return fail("There is no peer number {} to give a session to; add it first.", number);
  }
  const Session session{live.local_id, live.remote_id, live.role, live.installed};
  by_local_id_[live.local_id] = number;
  switch (live.place) {
    case LiveSession::Place::previous:
      peer->keypairs.previous = session;
      break;
    case LiveSession::Place::current:
      peer->keypairs.current = session;
      peer->status.last_handshake = live.installed;
      break;
    case LiveSession::Place::next:
      peer->keypairs.next = session;
      break;
  }
  return {};
}

void Device::forget_sessions() {
  for (auto& [number, peer] : peers_) {
    peer.handshake_wanted |= peer.keypairs.youngest().has_value() || peer.in_flight ||
                             peer.installing || peer.responding;
    abandon_initiation(peer);
    peer.keypairs = {};
    peer.installing.reset();
    peer.responding.reset();
  }
  by_local_id_.clear();
}

std::optional<PeerStatus> Device::status(PeerNumber number) const {
  const auto found = peers_.find(number);
  if (found == peers_.end()) {
    return std::nullopt;
  }
  PeerStatus status = found->second.status;
  status.in_flight = found->second.in_flight.has_value();
  return status;
}

void Device::handshake_done(Peer& peer, const Session& session, Time now, Actions& actions) {
  PeerStatus& status = peer.status;
  status.last_handshake = now.boot;
  status.last_handshake_wall = now.wall;
  status.attempts = 0;
  status.last_failure.reset();
  peer.handshake_wanted = false;
  peer.let_one_cross = false;
  count(Outcome::handshake_done, &peer);
  actions.emplace_back(HandshakeDone{peer.number, session.local_id, session.role});
}

void Device::erase_old_keys(Peer& peer, Time now, Actions& actions) {
  const auto youngest = peer.keypairs.youngest();
  if (!youngest || now.boot < *youngest + kEraseAfterTime) {
    return;
  }
  for (const std::uint32_t local_id : peer.keypairs.ids()) {
    actions.emplace_back(RemoveSession{local_id});
  }
  peer.keypairs = {};
}

void Device::count(Outcome outcome, Peer* peer) {
  ++counters_[static_cast<std::size_t>(outcome)];
  if (peer != nullptr) {
    ++peer->status.counters[static_cast<std::size_t>(outcome)];
  }
}

void Device::failed(Peer& peer, Outcome cause, Time now) {
  count(cause, &peer);
  peer.status.last_failure = cause;
  peer.status.last_failure_at = now.boot;
}

crypto::KeyPair Device::ephemeral() {
  crypto::KeyPair pair;
  randomness_(pair.private_key.bytes());
  crypto::clamp(pair.private_key);
  pair.public_key = crypto::public_key(pair.private_key);
  return pair;
}

Peer* Device::find(PeerNumber number) {
  const auto found = peers_.find(number);
  return found == peers_.end() ? nullptr : &found->second;
}

Peer* Device::owner(std::uint32_t local_id) {
  const auto found = by_local_id_.find(local_id);
  return found == by_local_id_.end() ? nullptr : find(found->second);
}

}  // namespace gotthard::noise
