// The initiator's side of a device: when an initiation leaves, and when we stop trying.
#include "control/noise/device.h"

namespace gotthard::noise {

Actions Device::need_handshake(PeerNumber number, Time now) {
  Actions actions;
  Peer* peer = find(number);
  if (peer == nullptr || stopped_) {
    return actions;
  }
  if (peer->in_flight) {
    peer->in_flight->wanted = now.boot;  // somebody still wants it: do not give up yet
    return actions;
  }
  // A session was installed while this event was on its way.
  const auto& current = peer->keypairs.current;
  if (peer->installing || (current && now.boot < current->installed + kRekeyTimeout)) {
    return actions;
  }
  request_handshake(*peer, now, actions);
  return actions;
}

Actions Device::rekey(PeerNumber number, Time now) {
  Actions actions;
  Peer* peer = find(number);
  if (peer != nullptr && !stopped_ && !peer->in_flight && !peer->installing) {
    request_handshake(*peer, now, actions);
  }
  return actions;
}

void Device::request_handshake(Peer& peer, Time now, Actions& actions) {
  if (!peer.status.endpoint) {
    peer.handshake_wanted = true;  // as soon as it is known
    failed(peer, Outcome::no_endpoint, now);
    actions.emplace_back(HandshakeFailed{peer.number, Outcome::no_endpoint});
    return;
  }
  if (now.boot < peer.next_initiation || peer.installing) {
    peer.handshake_wanted = true;
    return;
  }
  send_initiation(peer, now, now.boot, actions);
}

void Device::send_initiation(Peer& peer, Time now, Nanoseconds wanted, Actions& actions) {
  abandon_initiation(peer);
  peer.next_initiation = now.boot + kRekeyTimeout;
  const auto local_id = ids_.allocate();
  if (!local_id) {
    peer.handshake_wanted = true;
    failed(peer, Outcome::no_session_id, now);
    actions.emplace_back(HandshakeFailed{peer.number, Outcome::no_session_id});
    return;
  }
  Timestamps& timestamps = peer.status.timestamps;
  timestamps.last_sent = next_tai64n(now.wall, timestamps.last_sent);
  auto created =
      create_initiation(local_, peer.remote, ephemeral(), timestamps.last_sent, *local_id);
  if (!created) {
    ids_.release(*local_id);
    return;  // only for keys that add_peer() refuses
  }
  by_local_id_[*local_id] = peer.number;
  peer.in_flight = InFlight{std::move(created->handshake), *local_id, wanted,
                            now.boot + kRekeyTimeout + draw_jitter(randomness_)};
  peer.handshake_wanted = false;
  peer.timers.handshake_message_sent(now.boot);
  peer.cookies.add_macs(created->message, now.boot, mac_);
  peer.status.last_attempt = now.boot;
  ++peer.status.attempts;
  count(Outcome::initiation_sent, &peer);
  actions.emplace_back(Checkpoint{peer.number, timestamps});
  actions.emplace_back(
      SendDatagram{peer.number, *peer.status.endpoint, peer.local, to_datagram(created->message)});
}

void Device::retransmit_or_give_up(Peer& peer, Time now, Actions& actions) {
  if (now.boot < peer.in_flight->retransmit) {
    return;
  }
  if (now.boot >= peer.in_flight->wanted + kRekeyAttemptTime) {
    abandon_initiation(peer);
    peer.handshake_wanted = false;
    failed(peer, Outcome::no_response, now);
    actions.emplace_back(HandshakeFailed{peer.number, Outcome::no_response});
    return;
  }
  // Perhaps it was our source address that could not be answered.
  peer.local = {};
  send_initiation(peer, now, peer.in_flight->wanted, actions);
}

void Device::abandon_initiation(Peer& peer) {
  if (peer.in_flight) {
    by_local_id_.erase(peer.in_flight->local_id);
    ids_.release(peer.in_flight->local_id);
    peer.in_flight.reset();
  }
}

}  // namespace gotthard::noise
