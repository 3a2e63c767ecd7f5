// Keys and whatever is derived from them: wiped when they end, never copied by accident, never
// compared in a time that depends on them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace gotthard::crypto {

// Zeroes `bytes`; the compiler does not drop it as a dead store.
void wipe(std::span<std::byte> bytes) noexcept;

// The time depends on the lengths only. Different lengths are not equal.
[[nodiscard]] bool equal(std::span<const std::byte> a, std::span<const std::byte> b) noexcept;

// One owner at a time: a move leaves zeroes behind. A default one is all zeroes (Noise's absent
// preshared key).
template <std::size_t N>
class Secret {
 public:
  static constexpr std::size_t kSize = N;

  Secret() noexcept = default;
  [[nodiscard]] static Secret copy_of(std::span<const std::byte, N> bytes) noexcept {
    Secret secret;
    std::copy(bytes.begin(), bytes.end(), secret.bytes_.begin());
    return secret;
  }
  [[nodiscard]] static Secret copy_of(std::span<const std::uint8_t, N> bytes) noexcept {
    return copy_of(std::as_bytes(bytes));
  }

  Secret(Secret&& other) noexcept : bytes_(other.bytes_) { other.wipe(); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      bytes_ = other.bytes_;
      other.wipe();
    }
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { wipe(); }

  [[nodiscard]] std::span<std::byte, N> bytes() noexcept { return bytes_; }
  [[nodiscard]] std::span<const std::byte, N> bytes() const noexcept { return bytes_; }
  void wipe() noexcept { crypto::wipe(bytes_); }
  // "None" in WireGuard. The time does not depend on the value.
  [[nodiscard]] bool is_zero() const noexcept { return equal(bytes_, Secret().bytes_); }

 private:
  std::array<std::byte, N> bytes_{};
};

}  // namespace gotthard::crypto
