// mac1, mac2 and cookies (WireGuard paper, sections 5.3, 5.4.4 and 5.4.7).
#pragma once

#include <optional>

#include "control/noise/messages.h"
#include "control/noise/types.h"
#include "crypto/hash.h"
#include "crypto/secret.h"
#include "crypto/x25519.h"

namespace gotthard::noise {

inline constexpr Nanoseconds kCookieLifetime = 120 * kSecond;
// A cookie is not used in its last seconds: the message would arrive when the secret has changed.
inline constexpr Nanoseconds kCookieLatency = 5 * kSecond;

// HASH(LABEL_MAC1 || public key) and HASH(LABEL_COOKIE || public key): keys known to whoever knows
// the public key of the receiver.
[[nodiscard]] crypto::Hash mac1_key(const crypto::PublicKey& receiver);
[[nodiscard]] crypto::Hash cookie_key(const crypto::PublicKey& receiver);

// The receiver's side: checks macs and hands out cookies, with no state per source.
class CookieChecker {
 public:
  CookieChecker(const crypto::PublicKey& receiver, Randomness randomness);

  [[nodiscard]] const crypto::Hash& mac1_key() const { return mac1_key_; }

  template <typename Message>
  [[nodiscard]] bool mac1_valid(const Message& message, crypto::Blake2sMac& mac) const {
    return mac1_valid(before_mac1(message), message.mac1, mac);
  }
  template <typename Message>
  [[nodiscard]] bool mac2_valid(const Message& message, const Endpoint& from, Nanoseconds now,
                                crypto::Blake2sMac& mac) {
    return mac2_valid(before_mac2(message), message.mac2, from, now, mac);
  }
  // For the sender of a message with this sender index and mac1.
  [[nodiscard]] CookieReply reply(const WireIndex& sender, const MessageMac& mac1,
                                  const Endpoint& from, Nanoseconds now, crypto::Blake2sMac& mac);

 private:
  [[nodiscard]] bool mac1_valid(std::span<const std::byte> message, const MessageMac& mac1,
                                crypto::Blake2sMac& mac) const;
  [[nodiscard]] bool mac2_valid(std::span<const std::byte> message, const MessageMac& mac2,
                                const Endpoint& from, Nanoseconds now, crypto::Blake2sMac& mac);
  // MAC(secret of these two minutes, source address || source port).
  [[nodiscard]] crypto::Mac cookie_for(const Endpoint& from, Nanoseconds now,
                                       crypto::Blake2sMac& mac);

  crypto::Hash mac1_key_;
  crypto::Hash cookie_key_;
  Randomness randomness_;
  crypto::Secret<32> secret_;
  std::optional<Nanoseconds> secret_made_;
};

// The sender's side, one per peer: macs on what we send, and the cookie that the peer gave us.
class CookieJar {
 public:
  explicit CookieJar(const crypto::PublicKey& receiver);

  template <typename Message>
  void add_macs(Message& message, Nanoseconds now, crypto::Blake2sMac& mac) {
    message.mac1 = mac1_of(before_mac1(message), mac);
    message.mac2 = mac2_of(before_mac2(message), now, mac);
  }
  // False: not authentic, or no answer to the last message that we sent.
  [[nodiscard]] bool accept(const CookieReply& reply, Nanoseconds now);

 private:
  [[nodiscard]] MessageMac mac1_of(std::span<const std::byte> message, crypto::Blake2sMac& mac);
  [[nodiscard]] MessageMac mac2_of(std::span<const std::byte> message, Nanoseconds now,
                                   crypto::Blake2sMac& mac) const;

  crypto::Hash mac1_key_;
  crypto::Hash cookie_key_;
  std::optional<MessageMac> last_mac1_;  // binds a cookie reply to it; one reply per message
  crypto::Secret<16> cookie_;
  std::optional<Nanoseconds> cookie_received_;
};

}  // namespace gotthard::noise
