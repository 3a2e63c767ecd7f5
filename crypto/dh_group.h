// Diffie-Hellman groups of IKEv2: Curve25519 and Curve448 (RFC 8031), ECP groups (RFC 5903), MODP
// groups (RFC 3526). Values are as they are on the wire. A public value of the other side is
// checked before it is used (RFC 6989).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "crypto/secret_bytes.h"

namespace gotthard::crypto {

enum class DhGroup : std::uint8_t {
  curve25519,
  curve448,
  ecp256,
  ecp384,
  ecp521,
  modp2048,
  modp3072,
  modp4096,
};
inline constexpr std::size_t kDhGroupCount = 8;

// Bytes of a public value: all of a group's have the same length.
[[nodiscard]] std::size_t dh_public_size(DhGroup group);
// Bytes of the secret that both sides come to.
[[nodiscard]] std::size_t dh_secret_size(DhGroup group);

// Fills the span with random bytes.
using RandomFill = std::function<void(std::span<std::byte>)>;

// Bytes that dh_public() and dh_secret() take; they may be kept and used again for the same
// exchange.
[[nodiscard]] SecretBytes dh_private(DhGroup group, const RandomFill& random);
[[nodiscard]] std::vector<std::byte> dh_public(DhGroup group, const SecretBytes& private_value);
// Nothing: the other side's value has a wrong length, is no point of the curve, or leads to a
// secret that anybody knows.
[[nodiscard]] std::optional<SecretBytes> dh_secret(DhGroup group, const SecretBytes& private_value,
                                                   std::span<const std::byte> public_value);

}  // namespace gotthard::crypto
