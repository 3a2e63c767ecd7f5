// Answers of WireGuard's cross-platform userspace API.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "control/config/config.h"
#include "control/noise/types.h"
#include "crypto/secret.h"
#include "crypto/secret_string.h"

namespace gotthard::uapi {

struct PeerView {
  std::string name;
  std::array<std::uint8_t, 32> public_key{};
  const crypto::Secret<32>* preshared_key = nullptr;  // all zero: none
  std::optional<noise::Endpoint> endpoint;            // where it is now
  std::optional<config::Endpoint> configured;         // where it was said to be, perhaps by name
  Nanoseconds last_handshake = 0;                     // CLOCK_REALTIME, 0 never
  std::uint64_t tx_bytes = 0;
  std::uint64_t rx_bytes = 0;
  std::uint16_t persistent_keepalive = 0;
  std::vector<config::Prefix> allowed_ips;
};

struct InterfaceView {
  const crypto::Secret<32>* private_key = nullptr;  // null: none
  std::uint16_t listen_port = 0;
  std::uint32_t fwmark = 0;
  std::vector<PeerView> peers;
};

// Everything that `wg` asks for; or what a peer was given, as parse() reads it for the checkpoint.
enum class Detail : std::uint8_t { everything, configuration };
[[nodiscard]] crypto::SecretString describe(const InterfaceView& view,
                                            Detail detail = Detail::everything);

// How an answer ends. `wg` expects errors of get as positive numbers and those of set as negative.
[[nodiscard]] crypto::SecretString ending(int error);

}  // namespace gotthard::uapi
