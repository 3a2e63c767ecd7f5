// What a device does with datagrams.
#include "control/noise/device.h"

namespace gotthard::noise {
namespace {

// Load comes in bursts: whoever was asked for a cookie may use it during this time.
constexpr Nanoseconds kLoadLasts = kSecond;
constexpr Nanoseconds kInitiationInterval = kSecond / 50;
// Initiations that left both sides within this time crossed on the wire.
constexpr Nanoseconds kCrossing = kSecond;

}  // namespace

Actions Device::on_datagram(std::span<const std::byte> datagram, const Endpoint& from,
                            const abi::Address& local, Time now, bool under_load) {
  Actions actions;
  if (stopped_) {
    return actions;
  }
  const Origin origin{from, local};
  if (under_load) {
    last_under_load_ = now.boot;
  }
  if (const auto initiation = parse_initiation(datagram)) {
    if (admit(*initiation, origin, now, actions) == Admitted::yes) {
      on_initiation(*initiation, origin, now, actions);
    }
  } else if (const auto response = parse_response(datagram)) {
    if (admit(*response, origin, now, actions) == Admitted::yes) {
      on_response(*response, origin, now, actions);
    }
  } else if (const auto reply = parse_cookie_reply(datagram)) {
    on_cookie_reply(*reply, now);
  } else {
    count(Outcome::malformed);
  }
  return actions;
}

// Section 5.3: mac1 first; under load the source must show that it receives at its address.
template <typename Message>
Device::Admitted Device::admit(const Message& message, const Origin& origin, Time now,
                               Actions& actions) {
  if (!checker_.mac1_valid(message, mac_)) {
    count(Outcome::mac1_invalid);
    return Admitted::no;
  }
  if (!last_under_load_ || now.boot - *last_under_load_ >= kLoadLasts) {
    return Admitted::yes;
  }
  if (!checker_.mac2_valid(message, origin.from, now.boot, mac_)) {
    count(Outcome::mac2_missing);
    count(Outcome::cookie_reply_sent);
    const CookieReply reply =
        checker_.reply(message.sender, message.mac1, origin.from, now.boot, mac_);
    actions.emplace_back(
        SendDatagram{SendDatagram::kNoPeer, origin.from, origin.local, to_datagram(reply)});
    return Admitted::no;
  }
  if (!admission_.admit(origin.from.address, now.boot, mac_)) {
    count(Outcome::rate_limited);
    return Admitted::no;
  }
  return Admitted::yes;
}

void Device::on_initiation(const Initiation& message, const Origin& origin, Time now,
                           Actions& actions) {
  const auto identified = identify_initiator(local_, message);
  if (!identified) {
    count(Outcome::initiation_not_authentic);
    return;
  }
  const auto known = by_public_key_.find(identified->initiator);
  if (known == by_public_key_.end()) {
    count(Outcome::peer_unknown);
    return;
  }
  Peer& peer = peers_.at(known->second);
  const auto handshake = consume_initiation(*identified, peer.remote, message);
  if (!handshake) {
    count(Outcome::initiation_not_authentic, &peer);
    return;
  }
  Timestamps& timestamps = peer.status.timestamps;
  if (handshake->timestamp <= timestamps.greatest_received) {
    count(Outcome::initiation_replayed, &peer);
    return;
  }
  if (peer.last_initiation_consumed != 0 &&
      now.boot < peer.last_initiation_consumed + kInitiationInterval) {
    count(Outcome::initiation_flood, &peer);
    return;
  }
  peer.last_initiation_consumed = now.boot;
  timestamps.greatest_received = handshake->timestamp;
  actions.emplace_back(Checkpoint{peer.number, timestamps});
  if (crosses_ours(peer, origin, now)) {
    count(Outcome::initiation_crossed, &peer);
    return;
  }
  respond(peer, *handshake, origin, now, actions);
}

// Two Gotthards that initiate at once would end with two sessions, each its own initiator's, and
// with packets lost between them. The side with the greater key completes its own and ignores the
// other's; the other side answers. Linux forgets its own initiation when it answers ours, so it
// needs no more. Once only, and not from elsewhere: if ours does not arrive, the next of theirs is
// answered.
bool Device::crosses_ours(Peer& peer, const Origin& origin, Time now) {
  const bool waiting = peer.in_flight || peer.installing;
  if (!waiting || now.boot - peer.status.last_attempt >= kCrossing || peer.let_one_cross ||
      peer.status.endpoint != origin.from || local_.public_key < peer.remote.public_key) {
    return false;
  }
  peer.let_one_cross = true;
  return true;
}

void Device::respond(Peer& peer, const ResponderHandshake& handshake, const Origin& origin,
                     Time now, Actions& actions) {
  if (peer.keypairs.next && now.boot < peer.keypairs.next->installed + kRekeyAttemptTime) {
    failed(peer, Outcome::response_unconfirmed, now);
  }
  const auto local_id = ids_.allocate();
  if (!local_id) {
    failed(peer, Outcome::no_session_id, now);
    actions.emplace_back(HandshakeFailed{peer.number, Outcome::no_session_id});
    return;
  }
  auto created = create_response(handshake, peer.remote.public_key, ephemeral(), peer.preshared_key,
                                 *local_id);
  if (!created) {
    // Its ephemeral key is of small order: made on purpose by the holder of the static key.
    ids_.release(*local_id);
    count(Outcome::initiation_not_authentic, &peer);
    return;
  }
  by_local_id_[*local_id] = peer.number;
  count(Outcome::initiation_accepted, &peer);
  peer.timers.handshake_message_received(now.boot);
  learn_endpoint(peer, origin, actions);
  peer.responding = PendingResponse{
      {*local_id, handshake.remote_id, Role::responder, now.boot},
      created->message,
      origin.from,
      origin.local,
  };
  actions.emplace_back(
      InstallSession{peer.number, *local_id, handshake.remote_id, abi::KeyUse::after_first_inbound,
                     std::move(created->keys.send), std::move(created->keys.receive)});
}

void Device::on_response(const Response& message, const Origin& origin, Time now,
                         Actions& actions) {
  const std::uint32_t local_id = from_wire(message.receiver);
  Peer* peer = owner(local_id);
  if (peer == nullptr || !peer->in_flight || peer->in_flight->local_id != local_id) {
    count(Outcome::response_unexpected, peer);
    return;
  }
  auto keys = consume_response(peer->in_flight->handshake, local_, peer->preshared_key, message);
  if (!keys) {
    failed(*peer, Outcome::response_not_authentic, now);
    actions.emplace_back(HandshakeFailed{peer->number, Outcome::response_not_authentic});
    return;
  }
  count(Outcome::response_accepted, peer);
  peer->timers.handshake_message_received(now.boot);
  learn_endpoint(*peer, origin, actions);
  peer->in_flight.reset();
  const std::uint32_t remote_id = from_wire(message.sender);
  peer->installing = Session{local_id, remote_id, Role::initiator, now.boot};
  actions.emplace_back(InstallSession{peer->number, local_id, remote_id, abi::KeyUse::now,
                                      std::move(keys->send), std::move(keys->receive)});
}

void Device::on_cookie_reply(const CookieReply& message, Time now) {
  Peer* peer = owner(from_wire(message.receiver));
  if (peer == nullptr) {
    count(Outcome::cookie_unexpected);
    return;
  }
  count(peer->cookies.accept(message, now.boot) ? Outcome::cookie_accepted
                                                : Outcome::cookie_not_authentic,
        peer);
}

void Device::learn_endpoint(Peer& peer, const Origin& origin, Actions& actions) {
  if (peer.status.endpoint == origin.from && peer.local == origin.local) {
    return;
  }
  peer.status.endpoint = origin.from;
  peer.local = origin.local;
  actions.emplace_back(EndpointLearned{peer.number, origin.from, origin.local});
}

}  // namespace gotthard::noise
