// Diffie-Hellman on Curve25519 (RFC 7748).
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "crypto/secret.h"

namespace gotthard::crypto {

using PrivateKey = Secret<32>;
using PublicKey = std::array<std::uint8_t, 32>;
using SharedSecret = Secret<32>;

struct KeyPair {
  PrivateKey private_key;
  PublicKey public_key{};
};

// Fixes the bits that RFC 7748, section 5, fixes; `wg genkey` writes keys this way. The operations
// below do it themselves.
void clamp(PrivateKey& key) noexcept;

[[nodiscard]] PrivateKey generate_private_key() noexcept;
[[nodiscard]] KeyPair generate_key_pair() noexcept;
[[nodiscard]] PublicKey public_key(const PrivateKey& key) noexcept;

// Nothing when the result is all zero: the public key is of small order and the secret would be
// known to anybody (RFC 7748, section 6.1).
[[nodiscard]] std::optional<SharedSecret> dh(const PrivateKey& key, const PublicKey& peer) noexcept;

}  // namespace gotthard::crypto
