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

// No key: one that nobody knows.
crypto::PublicKey public_key_of(const crypto::Secret<32>& key) {
  crypto::PrivateKey identity = copy(key);
  crypto::clamp(identity);
  return key.is_zero() ? crypto::PublicKey{} : crypto::public_key(identity);
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

// Port 0 is one that will be found to be free.
bool listen_together(const config::WireGuard& one, const config::WireGuard& other) {
  return one.listen_port != 0 && other.listen_port != 0 &&
         config::listen_together(one.listen_port, one, other);
}

}  // namespace

tl::expected<void, ChangeRefused> Tunnels::apply(std::vector<TunnelChange> changes) {
  if (auto why = refusal(changes)) {
    return tl::unexpected(std::move(*why));
  }
  choose_ports(changes);
  for (TunnelChange& one : changes) {
    apply(&tunnels_[one.interface], std::move(one.change));
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

void Tunnels::apply(Tunnel* tunnel, InterfaceChange change) {
  const bool reordered =
      change.options && change.options->reorder_budget != tunnel->settings.reorder_budget;
  tunnel->settings = with_options(tunnel->settings, change.options);
  if (change.private_key) {
    change_private_key(tunnel, *change.private_key);
  }
  const bool moved = change.listen_port && *change.listen_port != tunnel->settings.listen_port;
  if (moved) {
    tunnel->settings.listen_port = *change.listen_port;
  }
  tunnel->settings.fwmark = change.fwmark.value_or(tunnel->settings.fwmark);
  links_.fib->set_mark(tunnel->number, tunnel->settings.fwmark);
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
      if (peer.interface == tunnel->number && !named.contains(peer.settings.public_key)) {
        gone.push_back(number);
      } else if (peer.interface == tunnel->number) {
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
      if ((moved || reordered) && peer.interface == tunnel->number) {
        send_peer(peer);
      }
    }
  }
}

std::optional<ChangeRefused> Tunnels::refusal(std::span<const TunnelChange> changes) const {
  if (!numbered_) {
    return ChangeRefused{EAGAIN, "the gateway is still starting: try again"};
  }
  if (auto why = ports_refused(changes)) {
    return why;
  }
  if (auto why = peers_refused(changes)) {
    return why;
  }
  return allowed_ips_refused(changes);
}

// As all of them will be: two may change places.
std::vector<config::WireGuard> Tunnels::settings_after(
    std::span<const TunnelChange> changes) const {
  std::vector<config::WireGuard> after;
  std::ranges::transform(tunnels_, std::back_inserter(after), &Tunnel::settings);
  for (const auto& [interface, change] : changes) {
    config::WireGuard* settings = &after.at(interface);
    *settings = with_options(*settings, change.options);
    settings->listen_port = change.listen_port.value_or(settings->listen_port);
  }
  return after;
}

std::optional<ChangeRefused> Tunnels::ports_refused(std::span<const TunnelChange> changes) const {
  const std::vector<config::WireGuard> after = settings_after(changes);
  for (const config::WireGuard& settings : after) {
    if (settings.listen_port + settings.source_ports > UINT16_MAX + 1) {
      return ChangeRefused{EINVAL,
                           fmt::format("{} has {} source ports: from {} on they go beyond 65535",
                                       settings.name, settings.source_ports, settings.listen_port)};
    }
  }
  for (std::size_t i = 0; i < after.size(); ++i) {
    for (std::size_t other = 0; other < i; ++other) {
      if (listen_together(after[i], after[other])) {
        return ChangeRefused{
            EADDRINUSE,
            fmt::format("{} and {} would both listen at port {}", after[other].name, after[i].name,
                        std::max(after[i].listen_port, after[other].listen_port))};
      }
    }
  }
  return std::nullopt;
}

void Tunnels::choose_ports(std::span<TunnelChange> changes) const {
  std::vector<config::WireGuard> after = settings_after(changes);
  for (auto& [interface, change] : changes) {
    config::WireGuard* own = &after[interface];
    while (own->listen_port == 0) {
      own->listen_port = static_cast<std::uint16_t>(32768 + crypto::random_u32() % 28232);
      if (std::ranges::any_of(after, [&](const config::WireGuard& other) {
            return &other != own && listen_together(*own, other);
          })) {
        own->listen_port = 0;
      }
      change.listen_port = own->listen_port;
    }
  }
}

broker::ListenPorts Tunnels::listen_ports(std::span<const TunnelChange> changes) const {
  const std::vector<config::WireGuard> after = settings_after(changes);
  broker::ListenPorts result;
  for (std::size_t i = 0; i < after.size(); ++i) {
    result.ranges.at(i) = {.first = after[i].listen_port, .count = after[i].source_ports};
  }
  return result;
}

// Each needs a number of its own; those of peers that go are free only when the data plane has let
// them go.
std::optional<ChangeRefused> Tunnels::peers_refused(std::span<const TunnelChange> changes) const {
  std::size_t added = 0;
  for (const auto& [interface, change] : changes) {
    const Tunnel& tunnel = tunnels_.at(interface);
    const crypto::PublicKey own =
        change.private_key ? public_key_of(*change.private_key) : tunnel.device.public_key();
    std::set<crypto::PublicKey> keys;
    for (const PeerChange& peer : change.peers) {
      const bool known =
          by_key_.contains({.interface = tunnel.number, .public_key = peer.public_key});
      if (known || peer.remove || peer.update_only || peer.public_key == own) {
        continue;
      }
      if (!tunnel.device.may_be_peer(peer.public_key)) {
        return ChangeRefused{EINVAL,
                             fmt::format("{}: {} is no valid public key", tunnel.settings.name,
                                         config::key_to_string(peer.public_key))};
      }
      keys.insert(peer.public_key);
    }
    added += keys.size();
  }
  std::size_t room = 0;
  for (std::uint32_t n = 0; room < added && n < abi::kMaxPeers; ++n) {
    room += is_free(n) ? 1 : 0;
  }
  if (room < added) {
    return ChangeRefused{
        ENOSPC, fmt::format("there may be {} peers on all interfaces, and {} more are too many",
                            abi::kMaxPeers, added)};
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
bool Tunnels::is_free(std::uint32_t number) const {
  const abi::Directory* directory = links_.dataplane->directory();
  return !peers_.contains(number) && std::ranges::find(removed_, number) == removed_.end() &&
         (directory == nullptr || get(directory->peer[number].used) == 0);
}

std::optional<std::uint32_t> Tunnels::free_number() {
  for (std::uint32_t tried = 0; tried < abi::kMaxPeers; ++tried) {
    const std::uint32_t n = next_number_++ % abi::kMaxPeers;
    if (is_free(n)) {
      return n;
    }
  }
  return std::nullopt;
}

}  // namespace gotthard::control
