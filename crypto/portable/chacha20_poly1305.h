// ChaCha20-Poly1305 by libsodium, a packet at a time. It expands nothing ahead: the schedule is the
// key.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "crypto/aead_key.h"

namespace gotthard::crypto::sodium {

using ChaChaKey = std::array<std::byte, 32>;

void expand(Suite suite, std::span<const std::byte> key, AeadKey& out) noexcept;
void seal(const AeadJob& job) noexcept;
[[nodiscard]] bool open(const AeadJob& job) noexcept;

}  // namespace gotthard::crypto::sodium
