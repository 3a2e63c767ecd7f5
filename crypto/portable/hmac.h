// HMAC-SHA-256, -384 and -512 (RFC 2104, FIPS 180-4) by OpenSSL's plain hash states: they can be
// copied and lie in memory of ours, where those behind EVP are allocated anew for each message.
#pragma once

#include <openssl/sha.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace gotthard::crypto {

enum class Sha2 : std::uint8_t { sha256, sha384, sha512 };

[[nodiscard]] constexpr std::size_t digest_size(Sha2 hash) {
  return hash == Sha2::sha256 ? 32 : hash == Sha2::sha384 ? 48 : 64;
}

// The states of the inner and the outer hash after the block that the key makes.
struct HmacKey {
  Sha2 hash;
  union {
    std::array<SHA256_CTX, 2> small;  // SHA-256
    std::array<SHA512_CTX, 2> large;  // the others
  };
};

// `key`: at most a block of the hash: 64 bytes of SHA-256, 128 of the others.
void expand_hmac(Sha2 hash, std::span<const std::byte> key, HmacKey& out) noexcept;

// The first digest_size() bytes.
using HmacDigest = std::array<std::byte, 64>;
[[nodiscard]] HmacDigest hmac(const HmacKey& key,
                              std::span<const std::span<const std::byte>> parts) noexcept;

}  // namespace gotthard::crypto
