// Cookies of IKE_SA_INIT (RFC 7296, section 2.6): whoever returns one receives at his address. No
// state per source.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "control/ike/sa/types.h"
#include "crypto/secret.h"

namespace gotthard::ike {

class Cookies {
 public:
  static constexpr Nanoseconds kSecretLifetime = 60 * kSecond;

  explicit Cookies(std::function<void(std::span<std::byte>)> random);

  // Version of the secret | MAC(secret, Ni | IPi | SPIi).
  [[nodiscard]] Buffer make(Bytes nonce, const abi::Address& source, IkeSpi spi, Nanoseconds now);
  // By the present secret, or the one before.
  [[nodiscard]] bool valid(Bytes cookie, Bytes nonce, const abi::Address& source, IkeSpi spi,
                           Nanoseconds now);

 private:
  struct Key {
    std::uint32_t version = 0;
    crypto::Secret<32> secret;
  };
  void renew(Nanoseconds now);
  [[nodiscard]] static Buffer made_with(const Key& key, Bytes nonce, const abi::Address& source,
                                        IkeSpi spi);

  std::function<void(std::span<std::byte>)> random_;
  Key present_;
  Key before_;
  Nanoseconds made_at_ = 0;
  Nanoseconds before_made_at_ = 0;
};

}  // namespace gotthard::ike
