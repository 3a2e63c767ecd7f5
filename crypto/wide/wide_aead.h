// The suites by our own kernels, many packets at once; ipsec_mb does what they do not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "crypto/aead_key.h"
#include "crypto/ipsec_mb/ipsec_mb_aead.h"
#include "crypto/wide/chacha20_poly1305.h"
#include "crypto/wide/gcm.h"

namespace gotthard::crypto {

class WideAead {
 public:
  enum class Width : std::uint8_t { avx2, avx512 };

  // An error when this CPU does not have what `width` needs, or a kernel computes wrong results.
  static Result<WideAead> create(Width width);
  // As on a CPU that has VAES and VPCLMULQDQ, or has not: with AVX2, ipsec_mb does AES-GCM then.
  static Result<WideAead> create(Width width, bool vector_aes);

  void expand(Suite suite, std::span<const std::byte> key, AeadKey& out) const noexcept;
  void seal(std::span<const AeadJob> jobs) noexcept;
  // A text that is refused holds zeroes or, from ipsec_mb, garbage.
  [[nodiscard]] std::uint64_t open(std::span<const AeadJob> jobs) noexcept;

  [[nodiscard]] Width width() const noexcept { return width_; }

 private:
  WideAead(Width width, bool vector_aes, IpsecMbAead others);
  void seal_batch(std::span<const AeadJob> batch) noexcept;

  Width width_;
  const wide::GcmKernel* gcm_;  // null: ipsec_mb does it
  const wide::ChaChaKernel* chacha_;
  IpsecMbAead others_;
};

}  // namespace gotthard::crypto
