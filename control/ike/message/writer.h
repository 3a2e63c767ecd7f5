// Writes messages, network byte order. Lengths that do not fit their field make it fail for good.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace gotthard::ike {

using Buffer = std::vector<std::byte>;

class Writer {
 public:
  void u8(std::uint8_t value) { number(value, 1); }
  void u16(std::uint16_t value) { number(value, 2); }
  void u32(std::uint32_t value) { number(value, 4); }
  void u64(std::uint64_t value) { number(value, 8); }
  void bytes(std::span<const std::byte> bytes) {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  }

  [[nodiscard]] std::size_t size() const { return buffer_.size(); }
  void patch_u8(std::size_t at, std::uint8_t value) { buffer_[at] = static_cast<std::byte>(value); }
  // The two-byte length at `at` counts what was written from `from` on.
  void patch_length(std::size_t at, std::size_t from) {
    const std::size_t length = buffer_.size() - from;
    if (length > 0xffff) {
      ok_ = false;
      return;
    }
    patch_u8(at, static_cast<std::uint8_t>(length >> 8));
    patch_u8(at + 1, static_cast<std::uint8_t>(length));
  }

  [[nodiscard]] bool ok() const { return ok_; }
  void fail() { ok_ = false; }
  [[nodiscard]] const Buffer& buffer() const { return buffer_; }
  [[nodiscard]] Buffer take() { return std::move(buffer_); }

 private:
  void number(std::uint64_t value, std::size_t size) {
    for (std::size_t shift = 8 * size; shift > 0; shift -= 8) {
      buffer_.push_back(static_cast<std::byte>(value >> (shift - 8)));
    }
  }

  Buffer buffer_;
  bool ok_ = true;
};

}  // namespace gotthard::ike
