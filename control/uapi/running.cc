#include "control/uapi/running.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <utility>

#include "control/uapi/request.h"
#include "crypto/hash.h"

namespace gotthard::uapi {
namespace {

constexpr std::string_view kInterface = "interface=";

std::string head(std::string_view base) {
  const auto hash = crypto::blake2s(std::as_bytes(std::span(base)), {});
  return fmt::format("base={:02x}\n", fmt::join(hash, ""));
}

crypto::Secret<32> copy(const std::optional<crypto::Secret<32>>& key) {
  return key ? crypto::Secret<32>::copy_of(key->bytes()) : crypto::Secret<32>();
}

config::Peer to_peer(const control::PeerChange& change, const std::string& interface,
                     control::Keys* keys) {
  config::Peer peer;
  peer.name = change.name.value_or("");
  peer.public_key = change.public_key;
  peer.endpoint = change.endpoint;
  peer.persistent_keepalive = change.persistent_keepalive.value_or(0);
  peer.allowed_ips = change.allowed_ips;
  if (change.preshared_key) {
    peer.preshared_key_file =
        fmt::format("running:{}/{}", interface, config::key_to_string(change.public_key));
    (*keys)[peer.preshared_key_file] = copy(change.preshared_key);
  }
  return peer;
}

void restore(const control::InterfaceChange& change, config::WireGuard* tunnel,
             control::Keys* keys) {
  tunnel->private_key_file.clear();
  if (change.private_key) {
    tunnel->private_key_file = "running:" + tunnel->name;
    (*keys)[tunnel->private_key_file] = copy(change.private_key);
  }
  tunnel->listen_port = change.listen_port.value_or(tunnel->listen_port);
  tunnel->fwmark = change.fwmark.value_or(0);
  tunnel->peers.clear();
  for (const control::PeerChange& peer : change.peers) {
    tunnel->peers.push_back(to_peer(peer, tunnel->name, keys));
  }
}

}  // namespace

crypto::SecretString running_text(std::string_view base,
                                  std::span<const RunningInterface> interfaces) {
  crypto::SecretString text(head(base));
  for (const RunningInterface& interface : interfaces) {
    text.append(kInterface).append(interface.name).append("\n");
    text += describe(interface.view, Detail::configuration);
  }
  return text;
}

bool restore_running(std::string_view text, std::string_view base, config::Config* config,
                     control::Keys* keys) {
  const std::string expected = head(base);
  if (!text.starts_with(expected)) {
    return false;
  }
  text.remove_prefix(expected.size());
  while (text.starts_with(kInterface)) {
    const auto line_end = text.find('\n');
    if (line_end == std::string_view::npos) {
      return false;
    }
    const std::string_view name = text.substr(kInterface.size(), line_end - kInterface.size());
    text.remove_prefix(line_end + 1);
    const auto next = text.find(std::string("\n") + std::string(kInterface));
    const std::string_view lines = text.substr(0, next);
    text.remove_prefix(next == std::string_view::npos ? text.size() : next + 1);
    const auto tunnel = std::ranges::find(config->wireguard, name, &config::WireGuard::name);
    auto request = parse(crypto::SecretString("set=1\n").append(lines), Author::checkpoint);
    if (tunnel == config->wireguard.end() || !request) {
      return false;
    }
    restore(std::get<control::InterfaceChange>(*request), &*tunnel, keys);
  }
  return text.empty();
}

}  // namespace gotthard::uapi
