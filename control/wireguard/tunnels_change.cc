// Changes to running interfaces. What can be refused is refused before anything is changed.
#include <arpa/inet.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/log.h"
#include "control/wireguard/tunnels.h"
#include "crypto/random.h"

namespace gotthard::control {
namespace {

crypto::Secret<32> copy(const crypto::Secret<32>& key) {
  return crypto::Secret<32>::copy_of(key.bytes());
}

// What an operator sees of a peer that came without a name: enough of its key to know it.
std::string name_of(const crypto::PublicKey& key) {
  std::string name = config::key_to_string(key).substr(0, 10);
  std::ranges::replace(name, '/', '_');  // as in INTERFACE/NAME
  return name;
}

config::WireGuard with_options(const config::WireGuard& settings,
                               const std::optional<config::WireGuard>& options) {
  config::WireGuard result = options.value_or(settings);
  result.name = settings.name;
  result.private_key_file = settings.private_key_file;
  result.listen_port = settings.listen_port;
  result.fwmark = settings.fwmark;
  result.peers.clear();
  return result;
}

}  // namespace

tl::expected<void, ChangeRefused> Tunnels::apply(std::uint16_t interface, InterfaceChange change) {
  Tunnel* tunnel = &tunnels_.at(interface);
  if (auto why = refusal(interface, change)) {
    return tl::unexpected(std::move(*why));
  }
  const bool reordered =
      change.options && change.options->reorder_budget != tunnel->settings.reorder_budget;
  tunnel->settings = with_options(tunnel->settings, change.options);
  if (change.private_key) {
    change_private_key(tunnel, *change.private_key);
  }
  const bool moved = change.listen_port && *change.listen_port != tunnel->settings.listen_port;
  if (moved) {
    tunnel->settings.listen_port =
        *change.listen_port != 0 ? *change.listen_port : free_port(*tunnel);
  }
  tunnel->settings.fwmark = change.fwmark.value_or(tunnel->settings.fwmark);
  if (change.replace_peers) {
    std::set<crypto::PublicKey> named;
    for (const PeerChange& peer : change.peers) {
      named.insert(peer.public_key);
    }
    for (PeerChange& peer : change.peers) {
      peer.take_endpoint = !peer.endpoint;
    }
    std::vector<std::uint32_t> gone;
    for (auto& [number, peer] : peers_) {
      if (peer.interface == interface && !named.contains(peer.settings.public_key)) {
        gone.push_back(number);
      } else if (peer.interface == interface) {
        reset_peer(tunnel, &peer);
      }
    }
    std::ranges::for_each(gone, [&](std::uint32_t number) { remove_peer(tunnel, number); });
  }
  for (PeerChange& peer : change.peers) {
    change_peer(tunnel, &peer);
  }
  if (links_.dataplane->attached()) {
    follow_device(tunnel);
    for (const auto& [number, peer] : peers_) {
      if ((moved || reordered) && peer.interface == interface) {
        send_peer(peer);
      }
    }
  }
  // New peers are known by now, and no table names the old ones after this.
  links_.fib->flush(boottime_now());
  for (const std::uint32_t number : removed_) {
    if (links_.dataplane->attached()) {
      links_.dataplane->send(abi::PeerRemove{.peer = number});
    }
  }
  removed_.clear();
  return {};
}

std::optional<ChangeRefused> Tunnels::refusal(std::uint16_t interface,
                                              const InterfaceChange& change) const {
  const Tunnel& tunnel = tunnels_.at(interface);
  const config::WireGuard settings = with_options(tunnel.settings, change.options);
  const std::uint16_t port = change.listen_port.value_or(settings.listen_port);
  if (!numbered_) {
    return ChangeRefused{EAGAIN, "the gateway is still starting: try again"};
  }
  if (port + settings.source_ports > UINT16_MAX + 1) {
    return ChangeRefused{EINVAL,
                         fmt::format("{} has {} source ports: from {} on they go beyond 65535",
                                     settings.name, settings.source_ports, port)};
  }
  for (const Tunnel& other : tunnels_) {
    if (port != 0 && other.number != tunnel.number &&
        config::listen_together(port, settings, other.settings)) {
      return ChangeRefused{EADDRINUSE,
                           fmt::format("{} listens at port {} already", other.settings.name, port)};
    }
  }
  std::set<crypto::PublicKey> added;
  for (const PeerChange& peer : change.peers) {
    const bool known =
        by_key_.contains({.interface = tunnel.number, .public_key = peer.public_key});
    if (known || peer.remove || peer.update_only || peer.public_key == tunnel.device.public_key()) {
      continue;
    }
    if (!tunnel.device.may_be_peer(peer.public_key)) {
      return ChangeRefused{
          EINVAL, fmt::format("{} is no valid public key", config::key_to_string(peer.public_key))};
    }
    added.insert(peer.public_key);
  }
  if (peers_.size() + added.size() > abi::kMaxPeers) {
    return ChangeRefused{ENOSPC, fmt::format("there may be {} peers", abi::kMaxPeers)};
  }
  return std::nullopt;
}

void Tunnels::change_private_key(Tunnel* tunnel, const crypto::Secret<32>& key) {
  if (crypto::equal(key.bytes(), tunnel->private_key.bytes())) {
    return;
  }
  tunnel->has_private_key = !key.is_zero();
  tunnel->private_key = copy(key);
  crypto::PrivateKey identity = crypto::PrivateKey::copy_of(key.bytes());
  if (!tunnel->has_private_key) {  // one that nobody knows
    crypto::random_bytes(identity.bytes());
  }
  crypto::clamp(identity);
  if (const TunnelPeer* self = find_peer(*tunnel, crypto::public_key(identity))) {
    remove_peer(tunnel, self->number);
  }
  carry_out(tunnel, tunnel->device.set_private_key(std::move(identity)));
  for (auto& [number, peer] : peers_) {
    if (peer.interface == tunnel->number) {
      links_.checkpoint->release(peer.record_key);
      peer.record_key =
          checkpoint::record_key(tunnel->device.public_key(), peer.settings.public_key);
      (void)commit(&peer);  // timestamps are the peer's: they hold for any key of ours
    }
  }
}

// As if it had just been added, but for its sessions and where it was heard last.
void Tunnels::reset_peer(Tunnel* tunnel, TunnelPeer* peer) {
  peer->preshared_key = {};
  peer->settings.persistent_keepalive = 0;
  (void)tunnel->device.update_peer(peer->number, {});
  links_.fib->set_allowed_ips(tunnel->number, peer->number, {});
}

void Tunnels::change_peer(Tunnel* tunnel, PeerChange* change) {
  TunnelPeer* peer = find_peer(*tunnel, change->public_key);
  if (change->remove) {
    if (peer != nullptr) {
      remove_peer(tunnel, peer->number);
    }
    return;
  }
  if (peer == nullptr) {
    // Our own key is no peer's, as in Linux; it is no error, as one file may serve all sides.
    const auto number = free_number();
    if (change->update_only || change->public_key == tunnel->device.public_key() || !number) {
      return;
    }
    config::Peer settings;
    settings.public_key = change->public_key;
    settings.name = change->name.value_or(name_of(change->public_key));
    if (const Status added = add_peer(tunnel, *number, settings, {}); !added) {
      log::event(log::Level::error, log::Subsystem::config, "peer_refused",
                 {{"interface", tunnel->settings.name}, {"error", added.error().message}});
      return;
    }
    peer = &peers_.at(*number);
  }
  if (change->name) {
    peer->settings.name = *change->name;
  }
  if (change->preshared_key) {
    peer->preshared_key = std::move(*change->preshared_key);
  }
  peer->settings.persistent_keepalive =
      change->persistent_keepalive.value_or(peer->settings.persistent_keepalive);
  (void)tunnel->device.update_peer(
      peer->number, {.preshared_key = copy(peer->preshared_key),
                     .endpoint = std::nullopt,
                     .persistent_keepalive = peer->settings.persistent_keepalive * kSecond});
  if (change->endpoint) {
    give_endpoint(tunnel, peer, *change->endpoint);
  } else if (change->take_endpoint) {
    take_endpoint(tunnel, peer, boottime_now());
  }
  if (change->replace_allowed_ips) {
    links_.fib->set_allowed_ips(tunnel->number, peer->number, change->allowed_ips);
  } else {
    for (const config::Prefix& prefix : change->allowed_ips) {
      links_.fib->add_allowed_ip(tunnel->number, peer->number, prefix);
    }
  }
  for (const config::Prefix& prefix : change->removed_allowed_ips) {
    links_.fib->remove_allowed_ip(tunnel->number, peer->number, prefix);
  }
  if (links_.dataplane->attached()) {
    send_peer(*peer);
  }
}

void Tunnels::remove_peer(Tunnel* tunnel, std::uint32_t number) {
  const auto found = peers_.find(number);
  carry_out(tunnel, tunnel->device.remove_peer(number));
  links_.checkpoint->release(found->second.record_key);
  links_.fib->remove_peer(number);
  by_key_.erase({.interface = tunnel->number, .public_key = found->second.settings.public_key});
  peers_.erase(found);
  removed_.push_back(number);
}

TunnelPeer* Tunnels::find_peer(const Tunnel& tunnel, const crypto::PublicKey& key) {
  const auto found = by_key_.find({.interface = tunnel.number, .public_key = key});
  return found == by_key_.end() ? nullptr : &peers_.at(found->second);
}

// Not one that lives in the data plane still: its packets would be taken for the new peer's.
std::optional<std::uint32_t> Tunnels::free_number() {
  const abi::Directory* directory = links_.dataplane->directory();
  for (std::uint32_t tried = 0; tried < abi::kMaxPeers; ++tried) {
    const std::uint32_t n = next_number_++ % abi::kMaxPeers;
    if (!peers_.contains(n) && std::ranges::find(removed_, n) == removed_.end() &&
        (directory == nullptr || !identity_of(directory->peer[n]))) {
      return n;
    }
  }
  return std::nullopt;
}

std::uint16_t Tunnels::free_port(const Tunnel& tunnel) const {
  for (;;) {
    const auto port = static_cast<std::uint16_t>(32768 + crypto::random_u32() % 28232);
    if (std::ranges::none_of(tunnels_, [&](const Tunnel& other) {
          return config::listen_together(port, tunnel.settings, other.settings);
        })) {
      return port;
    }
  }
}

}  // namespace gotthard::control
