// AES-GCM through the library's job bursts without its checks: with them, and by its direct calls,
// a small packet takes a quarter longer. AES-GMAC by direct calls.
#pragma once

#include <array>

#include "crypto/ipsec_mb/library.h"

namespace gotthard::crypto::ipsec_mb {

class Gcm {
 public:
  explicit Gcm(IMB_MGR* library);

  void expand(Suite suite, std::span<const std::byte> key, AeadKey& out) const noexcept;
  template <Check check>
  void seal(const Chosen& jobs) noexcept;
  // A text that is refused holds garbage: the library decrypts before the tag is known.
  template <Check check>
  [[nodiscard]] BitSet open(const Chosen& jobs) noexcept;

 private:
  // By key length: 16, 24 and 32 bytes. Filled in once; a packet's job is a copy with its own
  // addresses.
  using Templates = std::array<IMB_JOB, 3>;
  template <Check check, typename TagOf>
  void run(const Templates& templates, const Chosen& jobs, TagOf tag_of) noexcept;

  IMB_MGR* library_;
  Templates seal_;
  Templates open_;
};

}  // namespace gotthard::crypto::ipsec_mb
