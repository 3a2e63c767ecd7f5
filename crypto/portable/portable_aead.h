// The suites by libsodium and OpenSSL, a packet at a time: runs anywhere, and is what the other
// backends are checked against.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "crypto/aead_key.h"
#include "crypto/portable/cbc_hmac.h"
#include "crypto/portable/gcm.h"

namespace gotthard::crypto {

class PortableAead {
 public:
  // After init(). An error when OpenSSL lacks what the suites need.
  static Result<PortableAead> create();

  static void expand(Suite suite, std::span<const std::byte> key, AeadKey& out) noexcept;
  void seal(std::span<const AeadJob> jobs) noexcept;
  // A text that is refused is zeroed.
  [[nodiscard]] std::uint64_t open(std::span<const AeadJob> jobs) noexcept;

 private:
  PortableAead(PortableGcm gcm, PortableCbcHmac cbc_hmac)
      : gcm_(std::move(gcm)), cbc_hmac_(std::move(cbc_hmac)) {}
  bool open(const AeadJob& job) noexcept;
  void forget() noexcept;

  PortableGcm gcm_;
  PortableCbcHmac cbc_hmac_;
};

}  // namespace gotthard::crypto
