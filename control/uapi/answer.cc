#include "control/uapi/answer.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sodium.h>

#include <array>
#include <iterator>

namespace gotthard::uapi {
namespace {

using crypto::SecretString;

void append_key(SecretString* out, std::string_view name, std::span<const std::byte, 32> key) {
  std::array<char, 2 * 32 + 1> text;
  sodium_bin2hex(text.data(), text.size(), reinterpret_cast<const unsigned char*>(key.data()),
                 key.size());
  out->append(name).append("=").append(text.data(), 64).append("\n");
  sodium_memzero(text.data(), text.size());
}

template <typename... Values>
void append(SecretString* out, fmt::format_string<Values...> format, Values&&... values) {
  fmt::format_to(std::back_inserter(*out), format, std::forward<Values>(values)...);
}

void append_endpoint(SecretString* out, const noise::Endpoint& endpoint) {
  const bool ipv6 = endpoint.address.family == abi::Family::ipv6;
  append(out, "endpoint={}{}{}:{}\n", ipv6 ? "[" : "", config::to_string(endpoint.address),
         ipv6 ? "]" : "", ntohs(endpoint.port));
}

void append_peer(SecretString* out, const PeerView& peer, Detail detail) {
  append_key(out, "public_key", std::as_bytes(std::span(peer.public_key)));
  if (!peer.preshared_key->is_zero()) {
    append_key(out, "preshared_key", peer.preshared_key->bytes());
  }
  append(out, "protocol_version=1\n");
  if (detail == Detail::everything) {
    if (peer.endpoint) {
      append_endpoint(out, *peer.endpoint);
    }
    append(out, "last_handshake_time_sec={}\nlast_handshake_time_nsec={}\n",
           peer.last_handshake / kSecond, peer.last_handshake % kSecond);
    append(out, "tx_bytes={}\nrx_bytes={}\n", peer.tx_bytes, peer.rx_bytes);
  } else {
    append(out, "name={}\n", peer.name);
    if (peer.configured) {
      append(out, "endpoint={}\n", config::to_string(*peer.configured));
    }
  }
  append(out, "persistent_keepalive_interval={}\n", peer.persistent_keepalive);
  for (const config::Prefix& prefix : peer.allowed_ips) {
    append(out, "allowed_ip={}\n", config::to_string(prefix));
  }
}

}  // namespace

SecretString describe(const InterfaceView& view, Detail detail) {
  SecretString out;
  out.reserve(4096);
  if (view.private_key != nullptr) {
    append_key(&out, "private_key", view.private_key->bytes());
  }
  append(&out, "listen_port={}\n", view.listen_port);
  if (view.fwmark != 0) {
    append(&out, "fwmark={}\n", view.fwmark);
  }
  for (const PeerView& peer : view.peers) {
    append_peer(&out, peer, detail);
  }
  return out;
}

SecretString ending(int error) {
  SecretString out;
  append(&out, "errno={}\n\n", error);
  return out;
}

}  // namespace gotthard::uapi
