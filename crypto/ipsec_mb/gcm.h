// AES-GCM and AES-GMAC through the library's direct calls, which know no failure.
#pragma once

#include "crypto/ipsec_mb/library.h"

namespace gotthard::crypto::ipsec_mb {

class Gcm {
 public:
  explicit Gcm(IMB_MGR* library) : library_(library) {}

  void expand(Suite suite, std::span<const std::byte> key, AeadKey& out) const noexcept;
  void seal(const Chosen& jobs) noexcept;
  // A text that is refused holds garbage: the library decrypts before the tag is known.
  [[nodiscard]] BitSet open(const Chosen& jobs) noexcept;

 private:
  IMB_MGR* library_;
};

}  // namespace gotthard::crypto::ipsec_mb
