// ChaCha20-Poly1305 through the library's job bursts: its direct calls make the Poly1305 key apart
// and take half as long again.
#pragma once

#include "crypto/ipsec_mb/library.h"

namespace gotthard::crypto::ipsec_mb {

class ChaCha20Poly1305 {
 public:
  explicit ChaCha20Poly1305(IMB_MGR* library);

  static void expand(Suite suite, std::span<const std::byte> key, AeadKey& out) noexcept;
  template <Check check>
  void seal(const Chosen& jobs) noexcept;
  // A text that is refused holds garbage: the library decrypts before the tag is known.
  template <Check check>
  [[nodiscard]] BitSet open(const Chosen& jobs) noexcept;

 private:
  IMB_MGR* library_;
  // Filled in once; a packet's job is a copy with its own addresses.
  IMB_JOB seal_;
  IMB_JOB open_;
};

}  // namespace gotthard::crypto::ipsec_mb
