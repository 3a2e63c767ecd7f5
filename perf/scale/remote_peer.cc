#include "perf/scale/remote_peer.h"

#include <utility>

#include "control/noise/tai64n.h"
#include "crypto/random.h"

namespace gotthard::perf::scale {

// The gateway's key is a good one: it was made by generate_key_pair().
RemotePeer::RemotePeer(const crypto::PublicKey& gateway)
    : local_(crypto::generate_key_pair()),
      gateway_(noise::remote_static(local_, gateway).value()),
      macs_(gateway) {}

Message RemotePeer::initiate(noise::Time now, crypto::Blake2sMac& mac) {
  timestamps_.last_sent = noise::next_tai64n(now.wall, timestamps_.last_sent);
  local_id_ = crypto::random_u32();
  auto created = noise::create_initiation(local_, gateway_, crypto::generate_key_pair(),
                                          timestamps_.last_sent, local_id_)
                     .value();
  macs_.add_macs(created.message, now.boot, mac);
  handshake_ = std::move(created.handshake);
  return noise::to_datagram(created.message);
}

bool RemotePeer::accept(std::span<const std::byte> response) {
  const auto message = noise::parse_response(response);
  if (!message || noise::from_wire(message->receiver) != local_id_) {
    return false;
  }
  auto keys = noise::consume_response(handshake_, local_, noise::PresharedKey(), *message);
  if (!keys) {
    return false;
  }
  keys_ = std::move(*keys);
  remote_id_ = noise::from_wire(message->sender);
  return true;
}

std::optional<Message> RemotePeer::respond(std::span<const std::byte> initiation, noise::Time now,
                                           crypto::Blake2sMac& mac) {
  const auto message = noise::parse_initiation(initiation);
  const auto identified = message ? noise::identify_initiator(local_, *message) : std::nullopt;
  if (!identified || identified->initiator != gateway_.public_key) {
    return std::nullopt;
  }
  const auto handshake = noise::consume_initiation(*identified, gateway_, *message);
  if (!handshake || handshake->timestamp <= timestamps_.greatest_received) {
    return std::nullopt;
  }
  timestamps_.greatest_received = handshake->timestamp;
  local_id_ = crypto::random_u32();
  auto created =
      noise::create_response(*handshake, gateway_.public_key, crypto::generate_key_pair(),
                             noise::PresharedKey(), local_id_);
  if (!created) {
    return std::nullopt;
  }
  macs_.add_macs(created->message, now.boot, mac);
  keys_ = std::move(created->keys);
  remote_id_ = handshake->remote_id;
  return noise::to_datagram(created->message);
}

}  // namespace gotthard::perf::scale
