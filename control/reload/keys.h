// Keys of two configurations, side by side.
#pragma once

#include <string>

#include "control/wireguard/keys.h"
#include "crypto/secret.h"

namespace gotthard::control {

// Null: there is none.
[[nodiscard]] inline const crypto::Secret<32>* find_key(const Keys& keys, const std::string& file) {
  const auto found = keys.find(file);
  return found == keys.end() ? nullptr : &found->second;
}

[[nodiscard]] inline bool same_key(const crypto::Secret<32>* one, const crypto::Secret<32>* other) {
  return one == nullptr || other == nullptr ? one == other
                                            : crypto::equal(one->bytes(), other->bytes());
}

[[nodiscard]] inline Keys copy_of(const Keys& keys) {
  Keys copy;
  for (const auto& [file, key] : keys) {
    copy.emplace(file, crypto::Secret<32>::copy_of(key.bytes()));
  }
  return copy;
}

}  // namespace gotthard::control
