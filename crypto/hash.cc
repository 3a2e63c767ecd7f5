#include "crypto/hash.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include <utility>

#include "crypto/algorithms.h"
#include "crypto/bytes.h"

namespace gotthard::crypto {

namespace {

struct FreeDigest {
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};
struct FreeMac {
  void operator()(EVP_MAC_CTX* context) const noexcept { EVP_MAC_CTX_free(context); }
};
using DigestContext = std::unique_ptr<EVP_MD_CTX, FreeDigest>;
using MacContext = std::unique_ptr<EVP_MAC_CTX, FreeMac>;

// An empty span may have no address, which a key must have.
const unsigned char* address(std::span<const std::byte> bytes) {
  static constexpr unsigned char kNothing = 0;
  return bytes.empty() ? &kNothing : raw(bytes.data());
}

// HKDF-Expand's T(n) = HMAC(prk, T(n-1) || n), for a T(n-1) that is there from n = 2 on.
Secret<32> expand(const Secret<32>& prk, std::span<const std::byte> previous, std::uint8_t n) {
  const std::byte number{n};
  return hmac_blake2s(prk.bytes(), previous, {&number, 1});
}

}  // namespace

Hash blake2s(std::span<const std::byte> first, std::span<const std::byte> second) noexcept {
  Hash hash;
  const DigestContext context(EVP_MD_CTX_new());
  require(context != nullptr &&
              EVP_DigestInit_ex2(context.get(), algorithms().blake2s, nullptr) == 1 &&
              EVP_DigestUpdate(context.get(), first.data(), first.size()) == 1 &&
              EVP_DigestUpdate(context.get(), second.data(), second.size()) == 1 &&
              EVP_DigestFinal_ex(context.get(), hash.data(), nullptr) == 1,
          "BLAKE2S-256");
  return hash;
}

Secret<32> hmac_blake2s(std::span<const std::byte> key, std::span<const std::byte> first,
                        std::span<const std::byte> second) noexcept {
  Secret<32> result;
  std::size_t length = 0;
  const MacContext context(EVP_MAC_CTX_dup(algorithms().hmac_blake2s));
  require(
      context != nullptr && EVP_MAC_init(context.get(), address(key), key.size(), nullptr) == 1 &&
          EVP_MAC_update(context.get(), address(first), first.size()) == 1 &&
          EVP_MAC_update(context.get(), address(second), second.size()) == 1 &&
          EVP_MAC_final(context.get(), raw(result.bytes().data()), &length, Secret<32>::kSize) ==
              1 &&
          length == Secret<32>::kSize,
      "HMAC");
  return result;
}

Secret<32> kdf1(std::span<const std::byte> key, std::span<const std::byte> input) noexcept {
  const Secret<32> prk = hmac_blake2s(key, input);
  return expand(prk, {}, 1);
}

std::array<Secret<32>, 2> kdf2(std::span<const std::byte> key,
                               std::span<const std::byte> input) noexcept {
  const Secret<32> prk = hmac_blake2s(key, input);
  std::array<Secret<32>, 2> result;
  result[0] = expand(prk, {}, 1);
  result[1] = expand(prk, result[0].bytes(), 2);
  return result;
}

std::array<Secret<32>, 3> kdf3(std::span<const std::byte> key,
                               std::span<const std::byte> input) noexcept {
  const Secret<32> prk = hmac_blake2s(key, input);
  std::array<Secret<32>, 3> result;
  result[0] = expand(prk, {}, 1);
  result[1] = expand(prk, result[0].bytes(), 2);
  result[2] = expand(prk, result[1].bytes(), 3);
  return result;
}

Result<Blake2sMac> Blake2sMac::create() {
  Context context(algorithms().blake2s_mac != nullptr ? EVP_MAC_CTX_new(algorithms().blake2s_mac)
                                                      : nullptr);
  std::size_t size = std::tuple_size_v<Mac>;
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
                                   OSSL_PARAM_construct_end()};
  if (context == nullptr || EVP_MAC_CTX_set_params(context.get(), parameters) != 1) {
    return fail("OpenSSL makes no keyed BLAKE2s; check its configuration and free memory");
  }
  return Blake2sMac(std::move(context));
}

Mac Blake2sMac::mac(std::span<const std::byte> key, std::span<const std::byte> message) noexcept {
  Mac result;
  std::size_t length = 0;
  require(EVP_MAC_init(context_.get(), address(key), key.size(), nullptr) == 1 &&
              EVP_MAC_update(context_.get(), address(message), message.size()) == 1 &&
              EVP_MAC_final(context_.get(), result.data(), &length, result.size()) == 1 &&
              length == result.size(),
          "BLAKE2SMAC");
  return result;
}

void Blake2sMac::Free::operator()(evp_mac_ctx_st* context) const noexcept {
  EVP_MAC_CTX_free(context);
}

}  // namespace gotthard::crypto
