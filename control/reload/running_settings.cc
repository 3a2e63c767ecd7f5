#include "control/reload/running_settings.h"

#include <fmt/format.h>

#include <utility>

namespace gotthard::control {
namespace {

std::string keep(Keys* keys, std::string name, const crypto::Secret<32>& key) {
  keys->insert_or_assign(name, crypto::Secret<32>::copy_of(key.bytes()));
  return name;
}

}  // namespace

Settings running_settings(const config::Config& file, const Tunnels& tunnels) {
  Settings running{.config = file, .keys = {}};
  running.config.wireguard.clear();
  for (const Tunnel& tunnel : tunnels.tunnels()) {
    config::WireGuard& settings = running.config.wireguard.emplace_back(tunnel.settings);
    settings.peers.clear();
    settings.private_key_file =
        tunnel.has_private_key ? keep(&running.keys, "running:" + settings.name, tunnel.private_key)
                               : "";
  }
  for (const auto& [number, peer] : tunnels.peers()) {
    config::WireGuard& settings = running.config.wireguard[peer.interface];
    config::Peer& shown = settings.peers.emplace_back(peer.settings);
    shown.allowed_ips = tunnels.allowed_ips(number);
    shown.preshared_key_file =
        peer.preshared_key.is_zero()
            ? ""
            : keep(&running.keys, fmt::format("running:{}/{}", settings.name, number),
                   peer.preshared_key);
  }
  return running;
}

}  // namespace gotthard::control
