// The AEAD of libsodium, a packet at a time: runs anywhere, and is what the other backends are
// checked against.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "crypto/aead_key.h"

namespace gotthard::crypto {

class PortableAead {
 public:
  static void expand(Suite suite, std::span<const std::byte> key, AeadKey& out) noexcept;
  static void seal(std::span<const AeadJob> jobs) noexcept;
  // A text that is refused is zeroed.
  [[nodiscard]] static std::uint64_t open(std::span<const AeadJob> jobs) noexcept;
};

}  // namespace gotthard::crypto
