// The algorithms of OpenSSL that IKEv2 uses, fetched by init() as those of crypto/algorithms.h are.
#pragma once

#include <openssl/evp.h>

#include <array>

#include "crypto/digest.h"

namespace gotthard::crypto {

// Never freed: they live as long as the process.
struct IkeAlgorithms {
  std::array<EVP_MD*, kDigestCount> digest{};     // by Digest
  std::array<EVP_MAC_CTX*, kDigestCount> hmac{};  // without a key; each use duplicates it
  std::array<EVP_CIPHER*, 3> aes_gcm{};           // keys of 16, 24 and 32 bytes
  std::array<EVP_CIPHER*, 3> aes_cbc{};
  EVP_CIPHER* chacha20_poly1305 = nullptr;
  EVP_MAC* hmac_method = nullptr;

  [[nodiscard]] bool complete() const noexcept;
};

[[nodiscard]] const IkeAlgorithms& ike_algorithms() noexcept;

}  // namespace gotthard::crypto
