// AEAD for single messages of a handshake. Packets of sessions go through crypto/aead.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace gotthard::crypto {

inline constexpr std::size_t kTagSize = 16;
using XNonce = std::array<std::uint8_t, 24>;

// ChaCha20-Poly1305 (RFC 8439) under the nonce 0^32 || counter in little endian, as Noise has it.
// `out` holds the ciphertext and the tag: exactly plaintext.size() + kTagSize bytes.
void seal(std::span<const std::byte, 32> key, std::uint64_t counter,
          std::span<const std::byte> plaintext, std::span<const std::byte> aad,
          std::span<std::byte> out) noexcept;
// `sealed` ends with the tag; `out` holds exactly sealed.size() - kTagSize bytes. False: not
// authentic, or a wrong length; `out` is zeroed then.
[[nodiscard]] bool open(std::span<const std::byte, 32> key, std::uint64_t counter,
                        std::span<const std::byte> sealed, std::span<const std::byte> aad,
                        std::span<std::byte> out) noexcept;

// XChaCha20-Poly1305 under a random nonce, for cookies.
void xseal(std::span<const std::byte, 32> key, const XNonce& nonce,
           std::span<const std::byte> plaintext, std::span<const std::byte> aad,
           std::span<std::byte> out) noexcept;
[[nodiscard]] bool xopen(std::span<const std::byte, 32> key, const XNonce& nonce,
                         std::span<const std::byte> sealed, std::span<const std::byte> aad,
                         std::span<std::byte> out) noexcept;

}  // namespace gotthard::crypto
