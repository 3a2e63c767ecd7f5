#include "dataplane/manager/peer_store.h"

#include <algorithm>

namespace gotthard::dataplane {
namespace {

// Workers need the way to the endpoint, not only its address.
bool reachable(const abi::Endpoint& endpoint) {
  return endpoint.remote.family != abi::Family::none &&
         (endpoint.neighbour != abi::kNoNeighbour || endpoint.through != abi::kNoPeer);
}

bool same(const abi::PeerSet& of_a, const abi::PeerSet& of_b) {
  const abi::Endpoint& a = of_a.endpoint;
  const abi::Endpoint& b = of_b.endpoint;
  return of_a.kind == of_b.kind && of_a.dont_fragment == of_b.dont_fragment &&
         of_a.dscp == of_b.dscp && a.remote == b.remote && a.local == b.local &&
         a.remote_port == b.remote_port && a.local_port == b.local_port &&
         a.neighbour == b.neighbour && a.through == b.through && a.mtu == b.mtu;
}

// RFC 8200, section 5: less is not for inner packets, and the outer ones are cut instead.
constexpr std::uint16_t kLeastInnerMtu = 1280;

OuterTemplate outer_of(const StoredPeer& stored) {
  const abi::PeerSet& command = stored.command;
  OuterTemplate outer = make_outer_template(command.endpoint, command.kind);
  if (stored.path) {
    const std::uint16_t route = command.endpoint.mtu != 0 ? command.endpoint.mtu : UINT16_MAX;
    outer.endpoint.mtu = std::min(route, stored.path->outer);
    outer.inner_mtu = std::min(outer.inner_mtu, std::max(kLeastInnerMtu, stored.path->inner));
  }
  outer.dont_fragment = command.dont_fragment;
  outer.dscp = command.dscp;
  return outer;
}

}  // namespace

PeerStore::~PeerStore() {
  for (const auto& [peer, stored] : peers_) {
    delete shared_->peers[peer].outer.exchange(nullptr);
  }
}

void PeerStore::set(const abi::PeerSet& command, std::uint8_t sealing_worker) {
  const auto [found, added] = peers_.try_emplace(command.peer);
  StoredPeer& stored = found->second;
  stored.mentioned = true;
  stored.public_key = command.public_key;
  stored.interface = command.interface;
  Peer& peer = shared_->peers[command.peer];
  peer.interface.store(command.interface, std::memory_order_relaxed);
  peer.sealing_worker.store(sealing_worker, std::memory_order_relaxed);
  const bool changed = added || !same(stored.command, command);
  stored.command = command;
  if (changed) {
    stored.path.reset();
    renew_outer(stored);
  }
}

void PeerStore::renew_outer(const StoredPeer& stored) {
  replace_outer(stored.command.peer,
                reachable(stored.command.endpoint) ? new OuterTemplate(outer_of(stored)) : nullptr);
}

bool PeerStore::limit_path(std::uint32_t peer, const PathLimit& limit) {
  const auto found = peers_.find(peer);
  if (found == peers_.end()) {
    return false;
  }
  StoredPeer& stored = found->second;
  const std::uint16_t before = stored.path                        ? stored.path->outer
                               : stored.command.endpoint.mtu != 0 ? stored.command.endpoint.mtu
                                                                  : UINT16_MAX;
  if (limit.outer >= before) {
    return false;
  }
  stored.path = limit;
  renew_outer(stored);
  return true;
}

void PeerStore::forget_path(std::uint32_t peer) {
  const auto found = peers_.find(peer);
  if (found != peers_.end() && found->second.path) {
    found->second.path.reset();
    renew_outer(found->second);
  }
}

void PeerStore::remove(std::uint32_t peer) {
  if (peers_.erase(peer) > 0) {
    replace_outer(peer, nullptr);
  }
}

void PeerStore::replace_outer(std::uint32_t peer, const OuterTemplate* outer) {
  const OuterTemplate* old = shared_->peers[peer].outer.exchange(outer, std::memory_order_acq_rel);
  if (old != nullptr) {
    retired_->defer([old] { delete old; });
  }
}

const StoredPeer* PeerStore::find(std::uint32_t peer) const {
  const auto found = peers_.find(peer);
  return found == peers_.end() ? nullptr : &found->second;
}

void PeerStore::begin_resync() {
  for (auto& [peer, stored] : peers_) {
    stored.mentioned = false;
  }
}

std::vector<std::uint32_t> PeerStore::unmentioned() const {
  std::vector<std::uint32_t> result;
  for (const auto& [peer, stored] : peers_) {
    if (!stored.mentioned) {
      result.push_back(peer);
    }
  }
  return result;
}

}  // namespace gotthard::dataplane
