// The suites by Intel's multi-buffer library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/result.h"
#include "crypto/aead_key.h"

namespace gotthard::crypto {

class IpsecMbAead {
 public:
  // The widest vectors that the library may use.
  enum class Widest : std::uint8_t { avx2, any };

  // An error when the library does not run on this CPU or fails its own test.
  static Result<IpsecMbAead> create(Widest widest = Widest::any);

  void expand(Suite suite, std::span<const std::byte> key, AeadKey& out) const noexcept;
  void seal(std::span<const AeadJob> jobs) noexcept;
  // A text that is refused holds garbage.
  [[nodiscard]] std::uint64_t open(std::span<const AeadJob> jobs) noexcept;

 private:
  struct Manager;  // the library's types stay out of this header
  struct Free {
    void operator()(Manager* manager) const noexcept;
  };
  explicit IpsecMbAead(std::unique_ptr<Manager, Free> manager) : manager_(std::move(manager)) {}

  std::unique_ptr<Manager, Free> manager_;
};

}  // namespace gotthard::crypto
