// Integers of the wire: byte-aligned, converted where they are read and written.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace gotthard::wire {

static_assert(std::endian::native == std::endian::little, "x86-64 only");

[[nodiscard]] constexpr std::uint16_t swap_bytes(std::uint16_t v) { return __builtin_bswap16(v); }
[[nodiscard]] constexpr std::uint32_t swap_bytes(std::uint32_t v) { return __builtin_bswap32(v); }
[[nodiscard]] constexpr std::uint64_t swap_bytes(std::uint64_t v) { return __builtin_bswap64(v); }

template <typename T, bool BigEndian>
class WireInteger {
 public:
  [[nodiscard]] T get() const {
    T value;
    std::memcpy(&value, bytes_.data(), sizeof(T));
    return BigEndian ? swap_bytes(value) : value;
  }
  void set(T value) {
    value = BigEndian ? swap_bytes(value) : value;
    std::memcpy(bytes_.data(), &value, sizeof(T));
  }
  // As it lies there, for comparing with values kept in network order.
  [[nodiscard]] T raw() const {
    T value;
    std::memcpy(&value, bytes_.data(), sizeof(T));
    return value;
  }
  void set_raw(T value) { std::memcpy(bytes_.data(), &value, sizeof(T)); }

 private:
  std::array<std::uint8_t, sizeof(T)> bytes_;
};

using Big16 = WireInteger<std::uint16_t, true>;
using Big32 = WireInteger<std::uint32_t, true>;
using Little32 = WireInteger<std::uint32_t, false>;
using Little64 = WireInteger<std::uint64_t, false>;

}  // namespace gotthard::wire
