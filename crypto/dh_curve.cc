// Curve25519 by libsodium, Curve448 by OpenSSL (RFC 7748, 8031).
#include <algorithm>

#include "crypto/algorithms.h"
#include "crypto/bytes.h"
#include "crypto/dh_backends.h"
#include "crypto/openssl.h"
#include "crypto/x25519.h"

namespace gotthard::crypto::groups {
namespace {

constexpr const char* kX448 = "X448";

PrivateKey x25519_key(const SecretBytes& private_value) {
  return PrivateKey::copy_of(private_value.bytes().first<PrivateKey::kSize>());
}

Key x448_key(const SecretBytes& private_value) {
  Key key(EVP_PKEY_new_raw_private_key_ex(nullptr, kX448, nullptr,
                                          raw(private_value.bytes().data()), private_value.size()));
  require(key != nullptr, "X448");
  return key;
}

}  // namespace

std::vector<std::byte> curve_public(DhGroup group, const SecretBytes& private_value) {
  std::vector<std::byte> result(dh_public_size(group));
  if (group == DhGroup::curve25519) {
    std::ranges::copy(bytes_of(public_key(x25519_key(private_value))), result.begin());
    return result;
  }
  std::size_t length = result.size();
  require(EVP_PKEY_get_raw_public_key(x448_key(private_value).get(), raw(result.data()), &length) ==
                  1 &&
              length == result.size(),
          "X448");
  return result;
}

// RFC 7748, section 6: both libraries refuse a result that is all zero.
std::optional<SecretBytes> curve_secret(DhGroup group, const SecretBytes& private_value,
                                        std::span<const std::byte> public_value) {
  if (group == DhGroup::curve25519) {
    PublicKey peer{};
    std::ranges::copy(public_value, writable_bytes_of(peer).begin());
    const auto shared = crypto::dh(x25519_key(private_value), peer);
    return shared ? std::optional(SecretBytes::copy_of(shared->bytes())) : std::nullopt;
  }
  const Key own = x448_key(private_value);
  const Key peer(EVP_PKEY_new_raw_public_key_ex(nullptr, kX448, nullptr, raw(public_value.data()),
                                                public_value.size()));
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, own.get(), nullptr));
  SecretBytes secret(dh_secret_size(group));
  std::size_t length = secret.size();
  require(peer != nullptr && context != nullptr && EVP_PKEY_derive_init(context.get()) == 1,
          "X448");
  if (EVP_PKEY_derive_set_peer(context.get(), peer.get()) != 1 ||
      EVP_PKEY_derive(context.get(), raw(secret.bytes().data()), &length) != 1 ||
      length != secret.size()) {
    return std::nullopt;
  }
  return secret;
}

}  // namespace gotthard::crypto::groups
