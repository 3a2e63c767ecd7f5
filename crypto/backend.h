// Which implementation of the AEADs does the work, and what it is called in configuration, options
// and output.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace gotthard::crypto {

enum class Backend : std::uint8_t {
  automatic,  // the fastest that runs on this machine
  portable,   // libsodium and OpenSSL, a packet at a time
  ipsec_mb,   // Intel's multi-buffer library
  avx2,       // our own kernels
  avx512,     // the same with vectors twice as wide
};

inline constexpr std::array<const char*, 5> kBackendNames{"auto", "portable", "ipsec_mb", "avx2",
                                                          "avx512"};

[[nodiscard]] constexpr const char* name_of(Backend backend) {
  return kBackendNames[static_cast<std::size_t>(backend)];
}
[[nodiscard]] constexpr std::optional<Backend> backend_named(std::string_view name) {
  for (std::size_t i = 0; i < kBackendNames.size(); ++i) {
    if (name == kBackendNames[i]) {
      return static_cast<Backend>(i);
    }
  }
  return {};
}

}  // namespace gotthard::crypto
