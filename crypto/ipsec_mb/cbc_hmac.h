// AES-CBC with HMAC through the library's bursts of ciphers and of hashes, which run many packets
// side by side. The two are apart, not chained as the library can: so a packet is decrypted only
// once its tag was found right.
#pragma once

#include <array>

#include "crypto/ipsec_mb/library.h"

namespace gotthard::crypto::ipsec_mb {

class CbcHmac {
 public:
  explicit CbcHmac(IMB_MGR* library) : library_(library) {}

  void expand(Suite suite, std::span<const std::byte> key, AeadKey& out) const noexcept;
  template <Check check>
  void seal(const Chosen& jobs) noexcept;
  // What is refused is not decrypted.
  template <Check check>
  [[nodiscard]] BitSet open(const Chosen& jobs) noexcept;

 private:
  using Digests = std::array<std::array<std::byte, kMaxTagSize>, kMaxBatch>;
  template <Check check>
  [[nodiscard]] BitSet cipher(const Chosen& jobs, IMB_CIPHER_DIRECTION direction) noexcept;
  template <Check check>
  [[nodiscard]] BitSet mac(const Chosen& jobs, Digests& digests) noexcept;

  IMB_MGR* library_;
  std::array<IMB_JOB, kMaxBatch> jobs_{};
};

}  // namespace gotthard::crypto::ipsec_mb
