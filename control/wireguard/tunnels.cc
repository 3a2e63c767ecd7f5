#include "control/wireguard/tunnels.h"

#include <arpa/inet.h>

#include <utility>

#include "control/wireguard/directory_reader.h"
#include "crypto/random.h"

namespace gotthard::control {
namespace {

crypto::Secret<32> copy(const crypto::Secret<32>& key) {
  return crypto::Secret<32>::copy_of(key.bytes());
}

crypto::Secret<32> key_in(const Keys& keys, const std::string& file) {
  const auto found = keys.find(file);
  return found == keys.end() ? crypto::Secret<32>() : copy(found->second);
}

}  // namespace

noise::Time time_now() { return {.boot = boottime_now(), .wall = realtime_now()}; }

Result<std::unique_ptr<Tunnels>> Tunnels::create(const config::Config& config, const Keys& keys,
                                                 Links links) {
  std::unique_ptr<Tunnels> result(new Tunnels(std::move(links)));
  result->replay_window_ = config.dataplane.replay_window;
  result->table_size_ = config.dataplane.routes;
  for (std::size_t i = 0; i < config.wireguard.size(); ++i) {
    const config::WireGuard& settings = config.wireguard[i];
    const bool has_key = !settings.private_key_file.empty();
    if (has_key && !keys.contains(settings.private_key_file)) {
      return fail("the private key of {} ({}) was not handed over", settings.name,
                  settings.private_key_file);
    }
    crypto::Secret<32> private_key = key_in(keys, settings.private_key_file);
    crypto::PrivateKey identity = copy(private_key);
    if (!has_key) {  // one that nobody knows
      crypto::random_bytes(identity.bytes());
    }
    SessionAllocator* sessions = result->links_.sessions;
    auto device = noise::Device::create(
        std::move(identity), [](std::span<std::byte> out) { crypto::random_bytes(out); },
        {.allocate = [sessions] { return sessions->allocate(); },
         .release = [sessions](std::uint32_t id) { sessions->release(id); }});
    if (!device) {
      return tl::unexpected(device.error());
    }
    result->tunnels_.push_back({.number = static_cast<std::uint16_t>(i),
                                .settings = settings,
                                .device = std::move(*device),
                                .private_key = std::move(private_key),
                                .has_private_key = has_key});
    result->links_.fib->set_mark(static_cast<std::uint16_t>(i), settings.fwmark);
  }
  return result;
}

Status Tunnels::number_peers(const abi::Directory* directory, const Keys& keys) {
  // No number that lives is given to another peer: its sessions would be taken for the new one's.
  std::vector<bool> taken(abi::kMaxPeers);
  std::map<Identity, std::uint32_t> living;
  for (std::uint32_t n = 0; directory != nullptr && n < abi::kMaxPeers; ++n) {
    if (const auto identity = identity_of(directory->peer[n])) {
      taken[n] = true;
      living.emplace(*identity, n);
    }
  }
  std::uint32_t next = 0;
  for (Tunnel& tunnel : tunnels_) {
    for (const config::Peer& settings : tunnel.settings.peers) {
      const auto found =
          living.find({.interface = tunnel.number, .public_key = settings.public_key});
      while (found == living.end() && next < abi::kMaxPeers && taken[next]) {
        ++next;
      }
      if (found == living.end() && next == abi::kMaxPeers) {
        return fail("no number is left for peer '{}' of {}: there may be {} peers", settings.name,
                    tunnel.settings.name, abi::kMaxPeers);
      }
      const std::uint32_t number = found != living.end() ? found->second : next;
      taken[number] = true;
      if (const Status added =
              add_peer(&tunnel, number, settings, key_in(keys, settings.preshared_key_file));
          !added) {
        return fail("peer '{}' of {}: {}", settings.name, tunnel.settings.name,
                    added.error().message);
      }
    }
    tunnel.settings.peers.clear();  // they live in peers_ from here on
  }
  numbered_ = true;
  return {};
}

Status Tunnels::add_peer(Tunnel* tunnel, std::uint32_t number, const config::Peer& settings,
                         const crypto::Secret<32>& preshared_key) {
  TunnelPeer peer{.number = number, .interface = tunnel->number, .settings = settings};
  peer.preshared_key = copy(preshared_key);
  peer.record_key = checkpoint::record_key(tunnel->device.public_key(), settings.public_key);
  if (const auto record = links_.checkpoint->take(peer.record_key)) {
    peer.record = *record;
  } else {
    peer.record.greatest_received = links_.checkpoint->floor().greatest_received;
    peer.record.last_sent = links_.checkpoint->floor().last_sent;
  }
  // Where the peer was last heard from is better than where it was configured to be.
  if (peer.record.endpoint.family != abi::Family::none) {
    peer.endpoint =
        noise::Endpoint{.address = peer.record.endpoint, .port = peer.record.endpoint_port};
  } else if (settings.endpoint && settings.endpoint->address) {
    peer.endpoint = noise::Endpoint{.address = *settings.endpoint->address,
                                    .port = htons(settings.endpoint->port)};
  }
  const noise::Timestamps timestamps{.greatest_received = peer.record.greatest_received,
                                     .last_sent = peer.record.last_sent};
  if (const Status added =
          tunnel->device.add_peer(number, settings.public_key,
                                  {.preshared_key = copy(preshared_key),
                                   .endpoint = peer.endpoint,
                                   .persistent_keepalive = settings.persistent_keepalive * kSecond},
                                  timestamps);
      !added) {
    return added;
  }
  links_.fib->set_allowed_ips(tunnel->number, number, settings.allowed_ips);
  if (peer.endpoint) {
    links_.fib->set_endpoint(peer.interface, number, peer.endpoint->address);
  } else if (settings.endpoint) {
    ask_for_name(&peer);
  }
  by_key_[{.interface = tunnel->number, .public_key = settings.public_key}] = number;
  peers_.emplace(number, std::move(peer));
  return {};
}

Tunnel* Tunnels::tunnel_of(std::uint32_t peer) {
  const auto found = peers_.find(peer);
  return found == peers_.end() ? nullptr : &tunnels_[found->second.interface];
}

std::optional<noise::PeerStatus> Tunnels::status(const TunnelPeer& peer) const {
  return tunnels_[peer.interface].device.status(peer.number);
}

uapi::InterfaceView Tunnels::view(std::uint16_t interface) const {
  const Tunnel& tunnel = tunnels_.at(interface);
  uapi::InterfaceView view{.private_key = tunnel.has_private_key ? &tunnel.private_key : nullptr,
                           .listen_port = tunnel.settings.listen_port,
                           .fwmark = tunnel.settings.fwmark,
                           .peers = {}};
  const abi::Directory* directory = links_.dataplane->directory();
  for (const auto& [number, peer] : peers_) {
    if (peer.interface != interface) {
      continue;
    }
    const auto status = tunnel.device.status(number).value_or(noise::PeerStatus{});
    uapi::PeerView& seen = view.peers.emplace_back();
    seen.name = peer.settings.name;
    seen.public_key = peer.settings.public_key;
    seen.preshared_key = &peer.preshared_key;
    seen.endpoint = peer.endpoint;
    seen.configured = peer.settings.endpoint;
    seen.last_handshake = status.last_handshake_wall;
    if (directory != nullptr) {
      seen.tx_bytes = get(directory->peer[number].tx_bytes);
      seen.rx_bytes = get(directory->peer[number].rx_bytes);
    }
    seen.persistent_keepalive = peer.settings.persistent_keepalive;
    seen.allowed_ips = allowed_ips(number);
  }
  return view;
}

std::vector<config::Prefix> Tunnels::allowed_ips(std::uint32_t peer) const {
  return links_.fib->allowed_ips(peer);
}

std::vector<config::Prefix> Tunnels::claimed(std::uint16_t interface) const {
  std::vector<config::Prefix> result;
  for (const auto& [number, peer] : peers_) {
    if (peer.interface == interface) {
      const std::vector<config::Prefix> own = allowed_ips(number);
      result.insert(result.end(), own.begin(), own.end());
    }
  }
  return result;
}

std::string Tunnels::full_name(std::uint32_t peer) const {
  const auto found = peers_.find(peer);
  return found == peers_.end()
             ? fmt::format("peer {}", peer)
             : tunnels_[found->second.interface].settings.name + "/" + found->second.settings.name;
}

}  // namespace gotthard::control
