#include "crypto/init.h"

#include <sodium.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "crypto/algorithms.h"
#include "crypto/ike_algorithms.h"
#include "crypto/random.h"

namespace gotthard::crypto {

namespace {

Algorithms fetch() noexcept {
  Algorithms result;
  result.blake2s = EVP_MD_fetch(nullptr, "BLAKE2S-256", nullptr);
  result.blake2s_mac = EVP_MAC_fetch(nullptr, "BLAKE2SMAC", nullptr);
  for (std::size_t i = 0; i < 3; ++i) {
    constexpr std::array kGcm{"AES-128-GCM", "AES-192-GCM", "AES-256-GCM"};
    constexpr std::array kCbc{"AES-128-CBC", "AES-192-CBC", "AES-256-CBC"};
    result.aes_gcm[i] = EVP_CIPHER_fetch(nullptr, kGcm[i], nullptr);
    result.aes_cbc[i] = EVP_CIPHER_fetch(nullptr, kCbc[i], nullptr);
  }
  return result;
}

}  // namespace

const Algorithms& algorithms() noexcept {
  static const Algorithms fetched = fetch();
  return fetched;
}

void require(bool succeeded, const char* call) noexcept {
  if (!succeeded) {
    std::fprintf(stderr, "crypto: %s failed; the process ends here\n", call);
    std::abort();
  }
}

Status init() {
  if (sodium_init() < 0) {
    return fail("libsodium does not start; reinstall the package libsodium23");
  }
  const Algorithms& fetched = algorithms();
  if (fetched.blake2s == nullptr || fetched.blake2s_mac == nullptr) {
    return fail(
        "OpenSSL offers no BLAKE2s; let its configuration (openssl.cnf) activate the default "
        "provider");
  }
  if (!ike_algorithms().complete()) {
    return fail(
        "OpenSSL lacks algorithms of IKEv2 (SHA-1, SHA-2, HMAC, AES, ChaCha20-Poly1305); let its "
        "configuration (openssl.cnf) activate the default provider");
  }
  static_cast<void>(random_u32());
  // OpenSSL turns certificates' times by gmtime_r, whose first call reads /etc/localtime.
  tzset();
  return {};
}

}  // namespace gotthard::crypto
