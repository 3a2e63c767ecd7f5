#include "crypto/ike_algorithms.h"

#include <openssl/core_names.h>

#include <algorithm>
#include <string>

namespace gotthard::crypto {
namespace {

constexpr std::array<const char*, kDigestCount> kDigestNames = {"SHA1", "SHA2-256", "SHA2-384",
                                                                "SHA2-512"};

EVP_MAC_CTX* keyless_hmac(EVP_MAC* method, const char* digest) {
  EVP_MAC_CTX* context = method != nullptr ? EVP_MAC_CTX_new(method) : nullptr;
  std::string name = digest;
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.data(), 0),
      OSSL_PARAM_construct_end()};
  if (context == nullptr || EVP_MAC_CTX_set_params(context, parameters) != 1) {
    EVP_MAC_CTX_free(context);
    return nullptr;
  }
  return context;
}

IkeAlgorithms fetch() noexcept {
  IkeAlgorithms result;
  result.hmac_method = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  for (std::size_t i = 0; i < kDigestCount; ++i) {
    result.digest[i] = EVP_MD_fetch(nullptr, kDigestNames[i], nullptr);
    result.hmac[i] = keyless_hmac(result.hmac_method, kDigestNames[i]);
  }
  result.aes_gcm = {EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr),
                    EVP_CIPHER_fetch(nullptr, "AES-192-GCM", nullptr),
                    EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr)};
  result.aes_cbc = {EVP_CIPHER_fetch(nullptr, "AES-128-CBC", nullptr),
                    EVP_CIPHER_fetch(nullptr, "AES-192-CBC", nullptr),
                    EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr)};
  result.chacha20_poly1305 = EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr);
  return result;
}

}  // namespace

bool IkeAlgorithms::complete() const noexcept {
  const auto there = [](const auto* method) { return method != nullptr; };
  return std::ranges::all_of(digest, there) && std::ranges::all_of(hmac, there) &&
         std::ranges::all_of(aes_gcm, there) && std::ranges::all_of(aes_cbc, there) &&
         chacha20_poly1305 != nullptr;
}

const IkeAlgorithms& ike_algorithms() noexcept {
  static const IkeAlgorithms fetched = fetch();
  return fetched;
}

}  // namespace gotthard::crypto
