// Sealing and opening packets: any packets under any keys, one batch a call. The engine is of one
// worker; keys are shared by all workers and only read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "crypto/aead_key.h"
#include "crypto/backend.h"
#include "crypto/ipsec_mb/ipsec_mb_aead.h"
#include "crypto/portable/portable_aead.h"
#include "crypto/wide/wide_aead.h"

namespace gotthard::crypto {

class AeadEngine {
 public:
  // Allocates all that it will ever need. `automatic` takes the fastest that runs on this machine;
  // a named backend that does not run here is an error.
  static Result<AeadEngine> create(Backend backend);

  // Writes the key schedule of `suite` in this backend's form, in the place where the session keeps
  // it. `key` is key_size() bytes: the cipher's key, then the MAC's if the suite has one. Refuses
  // another length. Engines of one backend in one process share keys.
  Status expand(Suite suite, std::span<const std::byte> key, AeadKey& out) const;

  // Encrypts each text in place and writes its tag; keys and suites are mixed as they come. Never
  // leaves a text unencrypted: ends the process rather than that.
  void seal(std::span<const AeadJob> jobs) noexcept;

  // Decrypts each text in place and compares its tag in constant time. Bit i: job i is authentic.
  // The text of a job that is not must be dropped: it holds zeroes or garbage. At most
  // kMaxBatch jobs; those beyond are not authentic.
  [[nodiscard]] std::uint64_t open(std::span<const AeadJob> jobs) noexcept;

  // The one that does the work: never "auto".
  [[nodiscard]] std::string_view backend_name() const noexcept;

 private:
  using Implementation = std::variant<PortableAead, IpsecMbAead, WideAead>;
  explicit AeadEngine(Implementation implementation) : implementation_(std::move(implementation)) {}

  Implementation implementation_;
};

}  // namespace gotthard::crypto
