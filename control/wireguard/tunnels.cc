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

noise::PeerSettings settings_of(const config::Peer& peer, const Keys& keys,
                                const std::optional<noise::Endpoint>& endpoint) {
  noise::PeerSettings settings;
  if (const auto psk = keys.find(peer.preshared_key_file); psk != keys.end()) {
    settings.preshared_key = copy(psk->second);
  }
  settings.endpoint = endpoint;
  settings.persistent_keepalive = peer.persistent_keepalive * kSecond;
  return settings;
}

}  // namespace

noise::Time time_now() { return {.boot = boottime_now(), .wall = realtime_now()}; }

Result<std::unique_ptr<Tunnels>> Tunnels::create(const config::Config& config, const Keys& keys,
                                                 Links links) {
  std::unique_ptr<Tunnels> result(new Tunnels(std::move(links)));
  result->replay_window_ = config.dataplane.replay_window;
  for (std::size_t i = 0; i < config.wireguard.size(); ++i) {
    const config::WireGuard& settings = config.wireguard[i];
    const auto key = keys.find(settings.private_key_file);
    if (key == keys.end()) {
      return fail("the private key of {} ({}) was not handed over", settings.name,
                  settings.private_key_file);
    }
    SessionAllocator* sessions = result->links_.sessions;
    auto device = noise::Device::create(
        copy(key->second), [](std::span<std::byte> out) { crypto::random_bytes(out); },
        {.allocate = [sessions] { return sessions->allocate(); },
         .release = [sessions](std::uint32_t id) { sessions->release(id); }});
    if (!device) {
      return tl::unexpected(device.error());
    }
    result->peer_count_ += settings.peers.size();
    result->tunnels_.push_back({.number = static_cast<std::uint16_t>(i),
                                .settings = settings,
                                .device = std::move(*device)});
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
      TunnelPeer peer{.number = found != living.end() ? found->second : next,
                      .interface = tunnel.number,
                      .settings = settings};
      taken[peer.number] = true;
      peer.record_key = checkpoint::record_key(tunnel.device.public_key(), settings.public_key);
      if (const auto record = links_.checkpoint->find(peer.record_key)) {
        peer.record = *record;
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
              tunnel.device.add_peer(peer.number, settings.public_key,
                                     settings_of(settings, keys, peer.endpoint), timestamps);
          !added) {
        return fail("peer '{}' of {}: {}", settings.name, tunnel.settings.name,
                    added.error().message);
      }
      links_.fib->set_allowed_ips(tunnel.number, peer.number, settings.allowed_ips);
      if (peer.endpoint) {
        links_.fib->set_endpoint(peer.number, peer.endpoint->address);
      } else if (settings.endpoint) {
        ask_for_name(&peer);
      }
      peers_.emplace(peer.number, std::move(peer));
    }
  }
  return {};
}

Tunnel* Tunnels::tunnel_of(std::uint32_t peer) {
  const auto found = peers_.find(peer);
  return found == peers_.end() ? nullptr : &tunnels_[found->second.interface];
}

std::optional<noise::PeerStatus> Tunnels::status(const TunnelPeer& peer) const {
  return tunnels_[peer.interface].device.status(peer.number);
}

std::string Tunnels::full_name(std::uint32_t peer) const {
  const auto found = peers_.find(peer);
  return found == peers_.end()
             ? fmt::format("peer {}", peer)
             : tunnels_[found->second.interface].settings.name + "/" + found->second.settings.name;
}

}  // namespace gotthard::control
