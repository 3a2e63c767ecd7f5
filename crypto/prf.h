// The pseudo-random functions of IKEv2 are HMACs: prf and prf+ (RFC 7296, sections 2.13 and 2.14;
// RFC 4868). Which digests are offered and accepted is decided where proposals are.
#pragma once

#include <cstddef>
#include <span>

#include "crypto/digest.h"
#include "crypto/secret_bytes.h"

namespace gotthard::crypto {

// prf(key, pieces): digest_size(function) bytes, as many as it likes its keys to have.
[[nodiscard]] inline SecretBytes prf(Digest function, std::span<const std::byte> key,
                                     Pieces pieces) {
  return hmac(function, key, pieces);
}

// prf+(key, seed), its first `length` bytes: at most 255 times digest_size(function).
[[nodiscard]] SecretBytes prf_plus(Digest function, std::span<const std::byte> key, Pieces seed,
                                   std::size_t length);

}  // namespace gotthard::crypto
