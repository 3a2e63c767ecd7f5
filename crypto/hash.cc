#include "crypto/hash.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "crypto/algorithms.h"
#include "crypto/bytes.h"

namespace gotthard::crypto {

namespace {

struct FreeDigest {
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};
using DigestContext = std::unique_ptr<EVP_MD_CTX, FreeDigest>;
using Bytes = std::span<const std::byte>;

// An empty span may have no address, which a key must have.
const unsigned char* address(std::span<const std::byte> bytes) {
  static constexpr unsigned char kNothing = 0;
  return bytes.empty() ? &kNothing : raw(bytes.data());
}

void digest(std::initializer_list<Bytes> parts, unsigned char* hash) noexcept {
  const DigestContext context(EVP_MD_CTX_new());
  bool done =
      context != nullptr && EVP_DigestInit_ex2(context.get(), algorithms().blake2s, nullptr) == 1;
  for (const Bytes part : parts) {
    done = done && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
  }
  require(done && EVP_DigestFinal_ex(context.get(), hash, nullptr) == 1, "BLAKE2S-256");
}

// HKDF-Expand's T(n) = HMAC(prk, T(n-1) || n), for a T(n-1) that is there from n = 2 on.
Secret<32> expand(const Secret<32>& prk, std::span<const std::byte> previous, std::uint8_t n) {
  const std::byte number{n};
  return hmac_blake2s(prk.bytes(), previous, {&number, 1});
}

}  // namespace

Hash blake2s(Bytes first, Bytes second) noexcept {
  Hash hash;
  digest({first, second}, hash.data());
  return hash;
}

// By its definition, H(key ^ opad || H(key ^ ipad || text)): OpenSSL's own makes three contexts for
// it and takes twice as long, which a handshake has twenty times.
Secret<32> hmac_blake2s(Bytes key, Bytes first, Bytes second) noexcept {
  constexpr std::size_t kBlock = 64;
  constexpr std::byte kInner{0x36};
  constexpr std::byte kOuter{0x5c};
  Secret<kBlock> pad;
  if (key.size() > kBlock) {
    digest({key}, raw(pad.bytes().data()));
  } else {
    std::ranges::copy(key, pad.bytes().begin());
  }
  const auto mix = [&](std::byte with) {
    for (std::byte& byte : pad.bytes()) {
      byte ^= with;
    }
  };
  Secret<32> inner;
  mix(kInner);
  digest({pad.bytes(), first, second}, raw(inner.bytes().data()));
  Secret<32> result;
  mix(kInner ^ kOuter);
  digest({pad.bytes(), inner.bytes()}, raw(result.bytes().data()));
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
