// Changes to running WireGuard interfaces, as `wg set` and `gotthard reload` make them: what is
// absent stays as it is. Carried out as a whole or not at all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/config/config.h"
#include "crypto/secret.h"
#include "crypto/x25519.h"

namespace gotthard::control {

struct PeerChange {
  crypto::PublicKey public_key{};
  bool remove = false;
  bool update_only = false;  // a peer that is not there is not added
  bool replace_allowed_ips = false;
  std::optional<std::string> name;                    // absent: an added peer is named by its key
  std::optional<crypto::Secret<32>> preshared_key;    // all zero: none from now on
  std::optional<config::Endpoint> endpoint;           // a literal address or a name
  bool take_endpoint = false;                         // none from now on: it will come to us
  std::optional<std::uint16_t> persistent_keepalive;  // seconds, 0 off
  std::vector<config::Prefix> allowed_ips;            // given to this peer, whoever had them
  std::vector<config::Prefix> removed_allowed_ips;    // taken from it, if it has them
};

struct InterfaceChange {
  std::optional<crypto::Secret<32>> private_key;  // all zero: none, no handshakes
  std::optional<std::uint16_t> listen_port;       // host byte order; 0: one that is free
  std::optional<std::uint32_t> fwmark;            // 0: none
  std::optional<config::WireGuard> options;  // all of the file's but keys, port, mark and peers
  bool replace_peers = false;                // those not named are removed
  std::vector<PeerChange> peers;
};

struct TunnelChange {
  std::uint16_t interface = 0;
  InterfaceChange change;
};

// Why a change was not made: an errno value, as the userspace API wants it, and words.
struct ChangeRefused {
  int error = 0;
  std::string message;
};

}  // namespace gotthard::control
