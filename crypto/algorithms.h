// The algorithms of OpenSSL that crypto/ uses, fetched once: a fetch by name may load a provider
// and read its configuration, which must not happen under seccomp.
#pragma once

#include <openssl/evp.h>

#include <array>

namespace gotthard::crypto {

// Never freed: they live as long as the process. Only read after init().
struct Algorithms {
  EVP_MD* blake2s = nullptr;
  EVP_MAC* blake2s_mac = nullptr;
  std::array<EVP_CIPHER*, 3> aes_gcm{};  // keys of 128, 192 and 256 bits
  std::array<EVP_CIPHER*, 3> aes_cbc{};
};

// Null members when the library lacks them; init() refuses that.
[[nodiscard]] const Algorithms& algorithms() noexcept;

// Ends the process when a library call fails that can only fail for want of memory or because of a
// broken installation: a wrong hash or an unsealed message would be worse.
void require(bool succeeded, const char* call) noexcept;

}  // namespace gotthard::crypto
