// Memory for some objects that are made one by one, each with all of its members: to clear it
// before would take longer than some stages.
#pragma once

#include <array>
#include <cstddef>
#include <new>
#include <type_traits>

namespace gotthard::dataplane {

template <typename T, std::size_t kCount>
class Room {
 public:
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

  Room() {}  // NOLINT: with `= default`, `{}` would clear it

  // What was made there; or, before, to be given a value in each member.
  [[nodiscard]] T& operator[](std::size_t i) {
    return *std::launder(reinterpret_cast<T*>(memory_.data() + i * sizeof(T)));
  }
  [[nodiscard]] const T& operator[](std::size_t i) const {
    return *std::launder(reinterpret_cast<const T*>(memory_.data() + i * sizeof(T)));
  }
  [[nodiscard]] const T* data() const { return &(*this)[0]; }
  [[nodiscard]] void* at(std::size_t i) { return memory_.data() + i * sizeof(T); }

 private:
  alignas(64) std::array<std::byte, kCount * sizeof(T)> memory_;
};

}  // namespace gotthard::dataplane
