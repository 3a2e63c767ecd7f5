#include "dataplane/manager/peer_store.h"

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

OuterTemplate outer_of(const abi::PeerSet& command) {
  OuterTemplate outer = make_outer_template(command.endpoint, command.kind);
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
  peer.mtu.store(command.mtu, std::memory_order_relaxed);
  const bool changed = added || !same(stored.command, command);
  stored.command = command;
  if (changed) {
    replace_outer(command.peer,
                  reachable(command.endpoint) ? new OuterTemplate(outer_of(command)) : nullptr);
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
