// SHA-1, SHA-2 and HMAC over them. SHA-1 is here for the two places where IKEv2 has it as a name,
// not as protection: NAT detection and the hashes of authorities in certificate requests.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>

#include "crypto/secret_bytes.h"

namespace gotthard::crypto {

enum class Digest : std::uint8_t { sha1, sha256, sha384, sha512 };
inline constexpr std::size_t kDigestCount = 4;

[[nodiscard]] constexpr std::size_t digest_size(Digest digest) {
  constexpr std::array<std::size_t, kDigestCount> kSizes = {20, 32, 48, 64};
  return kSizes[static_cast<std::size_t>(digest)];
}

// What a function is taken over: one after the other.
using Pieces = std::initializer_list<std::span<const std::byte>>;

// `out` has digest_size(digest) bytes.
void hash(Digest digest, Pieces pieces, std::span<std::byte> out) noexcept;
[[nodiscard]] std::array<std::uint8_t, 20> sha1(Pieces pieces) noexcept;

[[nodiscard]] SecretBytes hmac(Digest digest, std::span<const std::byte> key, Pieces pieces);

}  // namespace gotthard::crypto
