// The one way by which bytes of a message are read. After the first read beyond the end everything
// reads as zero and nothing, and ok() stays false: a parser checks once, at its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace gotthard::ike {

using Bytes = std::span<const std::byte>;

class Reader {
 public:
  explicit Reader(Bytes bytes) : rest_(bytes) {}

  [[nodiscard]] std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  [[nodiscard]] std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  [[nodiscard]] std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  [[nodiscard]] std::uint64_t u64() { return number(8); }

  [[nodiscard]] Bytes bytes(std::size_t count) {
    if (!ok_ || count > rest_.size()) {
      fail();
      return {};
    }
    const Bytes taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }
  [[nodiscard]] Bytes rest() { return bytes(rest_.size()); }
  void skip(std::size_t count) { (void)bytes(count); }

  // What was read makes no sense.
  void fail() {
    ok_ = false;
    rest_ = {};
  }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] std::size_t remaining() const { return rest_.size(); }

 private:
  [[nodiscard]] std::uint64_t number(std::size_t size) {
    std::uint64_t value = 0;
    for (const std::byte byte : bytes(size)) {
      value = value << 8 | static_cast<std::uint64_t>(byte);
    }
    return value;
  }

  Bytes rest_;
  bool ok_ = true;
};

}  // namespace gotthard::ike
