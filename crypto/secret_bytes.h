// Secrets whose length is known at run time only: Secret<N> for the others. Wiped when they end and
// never copied by accident.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "crypto/secret_string.h"

namespace gotthard::crypto {

class SecretBytes {
 public:
  SecretBytes() noexcept = default;
  explicit SecretBytes(std::size_t size) : bytes_(size) {}
  [[nodiscard]] static SecretBytes copy_of(std::span<const std::byte> bytes) {
    SecretBytes secret;
    secret.bytes_.assign(bytes.begin(), bytes.end());
    return secret;
  }
  [[nodiscard]] SecretBytes clone() const { return copy_of(bytes_); }

  SecretBytes(SecretBytes&&) noexcept = default;
  SecretBytes& operator=(SecretBytes&&) noexcept = default;
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  ~SecretBytes() = default;

  [[nodiscard]] std::span<std::byte> bytes() noexcept { return bytes_; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }

 private:
  std::vector<std::byte, WipingAllocator<std::byte>> bytes_;
};

}  // namespace gotthard::crypto
