// BLAKE2s (RFC 7693) and what WireGuard's handshake makes of it: Hash, Mac, Hmac and KDF1 to KDF3
// of the WireGuard paper, section 5.4. init() comes first. A library call that fails here means a
// broken installation or no memory: the process ends rather than go on with a wrong hash.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/result.h"
#include "crypto/secret.h"

struct evp_mac_ctx_st;

namespace gotthard::crypto {

using Hash = std::array<std::uint8_t, 32>;
using Mac = std::array<std::uint8_t, 16>;

// BLAKE2s-256 of first || second.
[[nodiscard]] Hash blake2s(std::span<const std::byte> first,
                           std::span<const std::byte> second = {}) noexcept;

// HMAC-BLAKE2s (RFC 2104) of first || second.
[[nodiscard]] Secret<32> hmac_blake2s(std::span<const std::byte> key,
                                      std::span<const std::byte> first,
                                      std::span<const std::byte> second = {}) noexcept;

// HKDF (RFC 5869) over HMAC-BLAKE2s with no info, as the Noise functions of one to three outputs:
//   auto [chaining_key, key] = kdf2(chaining_key_before.bytes(), shared.bytes());
[[nodiscard]] Secret<32> kdf1(std::span<const std::byte> key,
                              std::span<const std::byte> input) noexcept;
[[nodiscard]] std::array<Secret<32>, 2> kdf2(std::span<const std::byte> key,
                                             std::span<const std::byte> input) noexcept;
[[nodiscard]] std::array<Secret<32>, 3> kdf3(std::span<const std::byte> key,
                                             std::span<const std::byte> input) noexcept;

// Keyed BLAKE2s with 16 bytes of output (mac1, mac2, cookies). One per thread, made at start: mac()
// allocates nothing, so workers check mac1 with it.
class Blake2sMac {
 public:
  static Result<Blake2sMac> create();

  // `key`: 1 to 32 bytes.
  [[nodiscard]] Mac mac(std::span<const std::byte> key,
                        std::span<const std::byte> message) noexcept;

 private:
  struct Free {
    void operator()(evp_mac_ctx_st* context) const noexcept;
  };
  using Context = std::unique_ptr<evp_mac_ctx_st, Free>;
  explicit Blake2sMac(Context context) : context_(std::move(context)) {}

  Context context_;
};

}  // namespace gotthard::crypto
