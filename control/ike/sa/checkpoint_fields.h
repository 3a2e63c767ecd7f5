// What belongs to an IKE SA's state: one description for both directions of
// control/ike/sa/archive.h.
#pragma once

#include <type_traits>

#include "control/ike/sa/archive.h"
#include "control/ike/sa/ike_sa.h"

namespace gotthard::ike {

template <typename T, typename U>
concept Is = std::is_same_v<std::remove_const_t<T>, U>;

template <typename A, Is<abi::Address> T>
void fields(A& archive, T& address) {
  walk(archive, address.family);
  for (auto& byte : address.bytes) {
    walk(archive, byte);
  }
}

template <typename A, Is<Path> T>
void fields(A& archive, T& path) {
  walk_all(archive, path.local, path.local_port, path.remote, path.remote_port);
}

template <typename A, Is<crypto::MessageKeys> T>
void fields(A& archive, T& keys) {
  walk_all(archive, keys.encryption, keys.integrity);
}

template <typename A, Is<IkeKeys> T>
void fields(A& archive, T& keys) {
  walk_all(archive, keys.d, keys.initiator, keys.responder, keys.p_initiator, keys.p_responder);
}

template <typename A, Is<Spis> T>
void fields(A& archive, T& spis) {
  walk_all(archive, spis.initiator, spis.responder);
}

template <typename A, Is<IkeSuite> T>
void fields(A& archive, T& suite) {
  walk_all(archive, suite.encryption, suite.key_bits, suite.integrity, suite.prf, suite.group);
}

template <typename A, Is<EspSuite> T>
void fields(A& archive, T& suite) {
  walk_all(archive, suite.encryption, suite.key_bits, suite.integrity, suite.group, suite.esn);
}

template <typename A, Is<Identity> T>
void fields(A& archive, T& identity) {
  walk_all(archive, identity.type, identity.data);
}

template <typename A, Is<PeerFeatures> T>
void fields(A& archive, T& peer) {
  walk_all(archive, peer.nat_detection, peer.fragmentation, peer.childless, peer.hashes);
}

template <typename A, Is<TrafficSelector> T>
void fields(A& archive, T& selector) {
  walk_all(archive, selector.protocol, selector.first_port, selector.last_port, selector.first,
           selector.last);
}

template <typename A, Is<TrafficSelectors> T>
void fields(A& archive, T& selectors) {
  walk(archive, selectors.selectors);
}

template <typename A, Is<Transform> T>
void fields(A& archive, T& transform) {
  walk_all(archive, transform.type, transform.id, transform.key_length,
           transform.foreign_attribute);
}

template <typename A, Is<Proposal> T>
void fields(A& archive, T& proposal) {
  walk_all(archive, proposal.number, proposal.protocol, proposal.spi, proposal.spi_size,
           proposal.transforms);
}

template <typename A, Is<ChildSa> T>
void fields(A& archive, T& child) {
  walk_all(archive, child.name, child.local_spi, child.remote_spi, child.replaces, child.suite,
           child.transport, child.udp, child.initiator, child.handed_over, child.waits,
           child.tentative, child.state, child.local_ts, child.remote_ts, child.rekey_at,
           child.expire_at);
}

template <typename A, Is<KeyShare> T>
void fields(A& archive, T& share) {
  walk_all(archive, share.group, share.secret);
}

template <typename A, Is<Crossing> T>
void fields(A& archive, T& crossing) {
  walk_all(archive, crossing.child, crossing.lowest_nonce);
}

template <typename A, Is<ChildOffer> T>
void fields(A& archive, T& offer) {
  walk_all(archive, offer.name, offer.local_spi, offer.replaces, offer.proposals, offer.local_ts,
           offer.remote_ts, offer.nonce, offer.share, offer.restarts, offer.crossing,
           offer.deleted);
}

template <typename A, Is<IkeOffer> T>
void fields(A& archive, T& offer) {
  walk_all(archive, offer.number, offer.proposals, offer.nonce, offer.share, offer.restarts);
}

template <typename A, Is<DeleteChildren> T>
void fields(A& archive, T& what) {
  walk(archive, what.local_spis);
}

template <typename A, Is<AuthExchange> T>
void fields(A& archive, T& what) {
  walk(archive, what.child);
}

template <typename A, typename T>
requires Is<T, InitExchange> || Is<T, DeleteIke> || Is<T, Liveness>
void fields(A& /*archive*/, T& /*what*/) {}

template <typename A, Is<Request> T>
void fields(A& archive, T& request) {
  walk_all(archive, request.id, request.what, request.datagrams, request.again_at, request.interval,
           request.tries);
}

template <typename A, Is<Response> T>
void fields(A& archive, T& response) {
  walk_all(archive, response.id, response.request, response.datagrams, response.path,
           response.waits_for, response.made_at, response.sent_at);
}

template <typename A, Is<Task> T>
void fields(A& archive, T& task) {
  walk_all(archive, task.kind, task.local_spi, task.child, task.not_before);
}

// Without what is looked up by the connection's name, and the pieces of messages.
template <typename A, Is<IkeSa> T>
void fields(A& archive, T& sa) {
  walk_all(archive, sa.number, sa.initiator, sa.state, sa.spis, sa.path, sa.marked, sa.nat_here,
           sa.nat_there, sa.peer, sa.suite, sa.keys, sa.local_id, sa.remote_id);
  walk_all(archive, sa.next_request, sa.next_expected, sa.request, sa.response, sa.tasks,
           sa.children, sa.iv_end);
  walk_all(archive, sa.established_at, sa.rekey_at, sa.reauth_at, sa.expire_at, sa.heard_at,
           sa.first_heard_at, sa.end_at, sa.lowest_nonce, sa.replaces, sa.crossed, sa.settled,
           sa.announced);
}

}  // namespace gotthard::ike
