#include "crypto/x25519.h"

#include <sodium.h>

#include "crypto/algorithms.h"
#include "crypto/bytes.h"
#include "crypto/random.h"

namespace gotthard::crypto {

void clamp(PrivateKey& key) noexcept {
  const auto bytes = key.bytes();
  bytes[0] &= std::byte{248};
  bytes[31] &= std::byte{127};
  bytes[31] |= std::byte{64};
}

PrivateKey generate_private_key() noexcept {
  PrivateKey key;
  random_bytes(key.bytes());
  clamp(key);
  return key;
}

KeyPair generate_key_pair() noexcept {
  KeyPair pair{.private_key = generate_private_key()};
  pair.public_key = public_key(pair.private_key);
  return pair;
}

PublicKey public_key(const PrivateKey& key) noexcept {
  PublicKey result;
  require(crypto_scalarmult_curve25519_base(result.data(), raw(key.bytes().data())) == 0,
          "crypto_scalarmult_curve25519_base");
  return result;
}

std::optional<SharedSecret> dh(const PrivateKey& key, const PublicKey& peer) noexcept {
  std::optional<SharedSecret> result(std::in_place);
  // libsodium returns an error for an all-zero result.
  if (crypto_scalarmult_curve25519(raw(result->bytes().data()), raw(key.bytes().data()),
                                   peer.data()) != 0) {
    result.reset();
  }
  return result;
}

}  // namespace gotthard::crypto
