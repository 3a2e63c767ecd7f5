#include "control/reload/change_between.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "control/reload/keys.h"

namespace gotthard::control {
namespace {

crypto::Secret<32> key_or_none(const crypto::Secret<32>* key) {
  return key == nullptr ? crypto::Secret<32>() : crypto::Secret<32>::copy_of(key->bytes());
}

PeerChange added(const config::Peer& peer, const Keys& keys) {
  PeerChange change;
  change.public_key = peer.public_key;
  change.replace_allowed_ips = true;
  change.name = peer.name;
  change.preshared_key = key_or_none(find_key(keys, peer.preshared_key_file));
  change.endpoint = peer.endpoint;
  change.persistent_keepalive = peer.persistent_keepalive;
  change.allowed_ips = peer.allowed_ips;
  return change;
}

std::vector<config::Prefix> without(const std::vector<config::Prefix>& prefixes,
                                    const std::vector<config::Prefix>& taken) {
  const std::set<config::Prefix> gone(taken.begin(), taken.end());
  std::vector<config::Prefix> left;
  std::ranges::copy_if(prefixes, std::back_inserter(left),
                       [&](const config::Prefix& prefix) { return !gone.contains(prefix); });
  return left;
}

bool same(const std::optional<config::Endpoint>& one,
          const std::optional<config::Endpoint>& other) {
  return one.has_value() == other.has_value() &&
         (!one || (one->host == other->host && one->port == other->port));
}

// A peer that was taken away live stays away: it would be half of what the file says.
PeerChange changed(const config::Peer& from, const Keys& from_keys, const config::Peer& to,
                   const Keys& to_keys) {
  PeerChange change;
  change.public_key = to.public_key;
  change.update_only = true;
  if (from.name != to.name) {
    change.name = to.name;
  }
  const auto* psk = find_key(to_keys, to.preshared_key_file);
  if (!same_key(find_key(from_keys, from.preshared_key_file), psk)) {
    change.preshared_key = key_or_none(psk);
  }
  if (!same(from.endpoint, to.endpoint)) {
    change.endpoint = to.endpoint;
    change.take_endpoint = !to.endpoint;
  }
  if (from.persistent_keepalive != to.persistent_keepalive) {
    change.persistent_keepalive = to.persistent_keepalive;
  }
  change.allowed_ips = without(to.allowed_ips, from.allowed_ips);
  change.removed_allowed_ips = without(from.allowed_ips, to.allowed_ips);
  return change;
}

bool changes_nothing(const PeerChange& change) {
  return !change.name && !change.preshared_key && !change.endpoint && !change.take_endpoint &&
         !change.persistent_keepalive && change.allowed_ips.empty() &&
         change.removed_allowed_ips.empty();
}

}  // namespace

InterfaceChange change_between(const config::WireGuard& from, const Keys& from_keys,
                               const config::WireGuard& to, const Keys& to_keys) {
  InterfaceChange change;
  const auto* key = find_key(to_keys, to.private_key_file);
  if (!same_key(find_key(from_keys, from.private_key_file), key)) {
    change.private_key = key_or_none(key);
  }
  if (from.listen_port != to.listen_port) {
    change.listen_port = to.listen_port;
  }
  if (from.fwmark != to.fwmark) {
    change.fwmark = to.fwmark;
  }
  change.options = to;
  std::map<crypto::PublicKey, const config::Peer*> had;
  for (const config::Peer& peer : from.peers) {
    had[peer.public_key] = &peer;
  }
  std::set<crypto::PublicKey> kept;
  for (const config::Peer& peer : to.peers) {
    kept.insert(peer.public_key);
  }
  // Removed first: a peer that comes may have the name or the prefixes of one that goes.
  for (const config::Peer& peer : from.peers) {
    if (!kept.contains(peer.public_key)) {
      PeerChange& removed = change.peers.emplace_back();
      removed.public_key = peer.public_key;
      removed.remove = true;
    }
  }
  for (const config::Peer& peer : to.peers) {
    const auto known = had.find(peer.public_key);
    if (known == had.end()) {
      change.peers.push_back(added(peer, to_keys));
    } else if (PeerChange step = changed(*known->second, from_keys, peer, to_keys);
               !changes_nothing(step)) {
      change.peers.push_back(std::move(step));
    }
  }
  return change;
}

}  // namespace gotthard::control
