// AES-GCM and AES-GMAC by OpenSSL, a packet at a time.
#pragma once

#include <array>

#include "base/result.h"
#include "crypto/aead_key.h"
#include "crypto/portable/cipher_context.h"

namespace gotthard::crypto {

class PortableGcm {
 public:
  static Result<PortableGcm> create();

  static void expand(Suite suite, std::span<const std::byte> key, AeadKey& out) noexcept;
  void seal(const AeadJob& job) noexcept;
  [[nodiscard]] bool open(const AeadJob& job) noexcept;
  void forget() noexcept;

 private:
  using Contexts = std::array<CipherContext, 3>;  // keys of 16, 24 and 32 bytes
  explicit PortableGcm(Contexts contexts) : contexts_(std::move(contexts)) {}
  EVP_CIPHER_CTX* start(const AeadJob& job, Direction direction) noexcept;

  Contexts contexts_;
};

}  // namespace gotthard::crypto
