// Views of fixed-size values as bytes. Public values (hashes, public keys, nonces) are
// std::array<std::uint8_t, N>, buffers are spans of std::byte, secrets are Secret<N>.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace gotthard::crypto {

template <std::size_t N>
[[nodiscard]] std::span<const std::byte, N> bytes_of(const std::array<std::uint8_t, N>& value) {
  return std::as_bytes(std::span<const std::uint8_t, N>(value));
}

template <std::size_t N>
[[nodiscard]] std::span<std::byte, N> writable_bytes_of(std::array<std::uint8_t, N>& value) {
  return std::as_writable_bytes(std::span<std::uint8_t, N>(value));
}

// For the C libraries, which take unsigned char.
[[nodiscard]] inline const unsigned char* raw(const std::byte* bytes) {
  return reinterpret_cast<const unsigned char*>(bytes);
}
[[nodiscard]] inline unsigned char* raw(std::byte* bytes) {
  return reinterpret_cast<unsigned char*>(bytes);
}

}  // namespace gotthard::crypto
