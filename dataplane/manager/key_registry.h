// Every session key that was ever installed in this process, by a keyed hash: a key that comes
// again would come with a counter that starts again.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <unordered_set>

#include "crypto/hash.h"
#include "crypto/secret.h"

namespace gotthard::dataplane {

class KeyRegistry {
 public:
  KeyRegistry(crypto::Blake2sMac mac, crypto::Secret<32> hash_key)
      : mac_(std::move(mac)), hash_key_(std::move(hash_key)) {}

  // False when either key was seen before, as either direction's, or both are the same; else both
  // are remembered.
  [[nodiscard]] bool admit(std::span<const std::byte> send, std::span<const std::byte> receive) {
    const Digest a = digest(send);
    const Digest b = digest(receive);
    if (a == b || seen_.contains(a) || seen_.contains(b)) {
      return false;
    }
    seen_.insert(a);
    seen_.insert(b);
    return true;
  }

 private:
  using Digest = crypto::Mac;
  struct Hash {
    std::size_t operator()(const Digest& digest) const {
      std::size_t value = 0;
      std::memcpy(&value, digest.data(), sizeof(value));
      return value;
    }
  };

  Digest digest(std::span<const std::byte> key) { return mac_.mac(hash_key_.bytes(), key); }

  crypto::Blake2sMac mac_;
  crypto::Secret<32> hash_key_;
  std::unordered_set<Digest, Hash> seen_;
};

}  // namespace gotthard::dataplane
