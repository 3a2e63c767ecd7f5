// Random bytes, many and fast; not secret. The seed is printed, a run can be made again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>

namespace gotthard::constant_time {

class Random {
 public:
  explicit Random(std::uint64_t seed) : generator_(seed) {}

  [[nodiscard]] std::uint64_t next() { return generator_(); }
  [[nodiscard]] bool coin() { return (generator_() >> 63) != 0; }
  void fill(std::span<std::byte> bytes) {
    for (std::size_t i = 0; i < bytes.size(); i += 8) {
      const std::uint64_t value = generator_();
      std::memcpy(&bytes[i], &value, bytes.size() - i < 8 ? bytes.size() - i : 8);
    }
  }

 private:
  std::mt19937_64 generator_;
};

}  // namespace gotthard::constant_time
