// The other end of a WireGuard tunnel, simulated: its handshakes by the functions of control/noise,
// with no timers and no data but the packet that confirms a session.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "control/noise/cookie.h"
#include "control/noise/handshake.h"

namespace gotthard::perf::scale {

using Message = std::vector<std::byte>;

class RemotePeer {
 public:
  explicit RemotePeer(const crypto::PublicKey& gateway);

  [[nodiscard]] const crypto::PublicKey& public_key() const { return local_.public_key; }
  // Of the session that the last handshake made.
  [[nodiscard]] const noise::SessionKeys& keys() const { return keys_; }
  [[nodiscard]] std::uint32_t remote_id() const { return remote_id_; }

  // A new handshake; the one before it is forgotten.
  [[nodiscard]] Message initiate(noise::Time now, crypto::Blake2sMac& mac);
  // Whether it is an authentic answer to the last initiation.
  [[nodiscard]] bool accept(std::span<const std::byte> response);
  // The answer to an authentic initiation of the gateway's; none to any other.
  [[nodiscard]] std::optional<Message> respond(std::span<const std::byte> initiation,
                                               noise::Time now, crypto::Blake2sMac& mac);

 private:
  crypto::KeyPair local_;
  noise::RemoteStatic gateway_;
  noise::CookieJar macs_;
  noise::Timestamps timestamps_;
  noise::InitiatorHandshake handshake_;
  std::uint32_t local_id_ = 0;
  std::uint32_t remote_id_ = 0;
  noise::SessionKeys keys_;
};

}  // namespace gotthard::perf::scale
