// Values to bytes and back, by one description of what belongs to a type: fields(archive, value).
// What is read comes from memory that survived a crash: lengths are checked all the same.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "control/ike/message/reader.h"
#include "control/ike/message/writer.h"
#include "crypto/secret_bytes.h"

namespace gotthard::ike {

class Saver {
 public:
  static constexpr bool kLoads = false;

  void number(std::uint64_t value) {
    for (int shift = 56; shift >= 0; shift -= 8) {
      bytes_.push_back(static_cast<std::byte>(value >> shift));
    }
  }
  void raw(Bytes bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  [[nodiscard]] crypto::SecretBytes take() const { return crypto::SecretBytes::copy_of(bytes_); }

 private:
  std::vector<std::byte, crypto::WipingAllocator<std::byte>> bytes_;  // keys are among them
};

class Loader {
 public:
  static constexpr bool kLoads = true;

  explicit Loader(Bytes bytes) : reader_(bytes) {}
  [[nodiscard]] std::uint64_t number() { return reader_.u64(); }
  [[nodiscard]] Bytes raw(std::size_t size) { return reader_.bytes(size); }
  // Of a list: each element has a byte at least.
  [[nodiscard]] std::size_t count() {
    const std::uint64_t count = reader_.u64();
    if (count > reader_.remaining()) {
      reader_.fail();
      return 0;
    }
    return count;
  }
  void fail() { reader_.fail(); }
  [[nodiscard]] bool ok() const { return reader_.ok(); }
  [[nodiscard]] bool whole() const { return reader_.ok() && reader_.at_end(); }

 private:
  Reader reader_;
};

template <typename A, typename T>
requires std::is_arithmetic_v<std::remove_const_t<T>> || std::is_enum_v<std::remove_const_t<T>>
void walk(A& archive, T& value) {
  if constexpr (A::kLoads) {
    value = static_cast<T>(archive.number());
  } else {
    archive.number(static_cast<std::uint64_t>(value));
  }
}

template <typename A, typename T>
requires std::is_same_v<std::remove_const_t<T>, Buffer> ||
    std::is_same_v<std::remove_const_t<T>, crypto::SecretBytes>
void walk(A& archive, T& value) {
  if constexpr (A::kLoads) {
    const Bytes bytes = archive.raw(archive.count());
    if constexpr (std::is_same_v<T, Buffer>) {
      value.assign(bytes.begin(), bytes.end());
    } else {
      value = crypto::SecretBytes::copy_of(bytes);
    }
  } else {
    archive.number(value.size());
    if constexpr (std::is_same_v<std::remove_const_t<T>, Buffer>) {
      archive.raw(value);
    } else {
      archive.raw(value.bytes());
    }
  }
}

template <typename A, typename T>
requires std::is_same_v<std::remove_const_t<T>, std::string>
void walk(A& archive, T& value) {
  if constexpr (A::kLoads) {
    const Bytes bytes = archive.raw(archive.count());
    value.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  } else {
    archive.number(value.size());
    archive.raw(std::as_bytes(std::span(value)));
  }
}

template <typename A, typename T>
requires requires(A& archive, T& value) { fields(archive, value); }
void walk(A& archive, T& value) { fields(archive, value); }

template <typename A, std::size_t N>
void walk(A& archive, std::array<std::byte, N>& value) {
  const Bytes bytes = archive.raw(N);
  std::copy(bytes.begin(), bytes.end(), value.begin());
}
template <typename A, std::size_t N>
void walk(A& archive, const std::array<std::byte, N>& value) {
  archive.raw(value);
}

template <typename A, typename T>
requires(!std::is_same_v<T, std::byte>) void walk(A& archive, std::vector<T>& values) {
  values.clear();
  for (std::size_t count = archive.count(); count > 0 && archive.ok(); --count) {
    walk(archive, values.emplace_back());
  }
}
template <typename A, typename T>
requires(!std::is_same_v<T, std::byte>) void walk(A& archive, const std::vector<T>& values) {
  archive.number(values.size());
  for (const T& value : values) {
    walk(archive, value);
  }
}

template <typename A>
void walk(A& archive, std::set<std::uint32_t>& values) {
  for (std::size_t count = archive.count(); count > 0 && archive.ok(); --count) {
    values.insert(static_cast<std::uint32_t>(archive.number()));
  }
}
template <typename A>
void walk(A& archive, const std::set<std::uint32_t>& values) {
  archive.number(values.size());
  for (const std::uint32_t value : values) {
    archive.number(value);
  }
}

template <typename A, typename T>
void walk(A& archive, std::optional<T>& value) {
  if (archive.number() != 0) {
    walk(archive, value.emplace());
  }
}
template <typename A, typename T>
void walk(A& archive, const std::optional<T>& value) {
  archive.number(value ? 1 : 0);
  if (value) {
    walk(archive, *value);
  }
}

template <std::size_t I = 0, typename... Ts>
void load_alternative(Loader& archive, std::variant<Ts...>& value, std::uint64_t index) {
  if constexpr (I < sizeof...(Ts)) {
    if (index == I) {
      walk(archive, value.template emplace<I>());
    } else {
      load_alternative<I + 1>(archive, value, index);
    }
  } else {
    archive.fail();
  }
}
template <typename... Ts>
void walk(Loader& archive, std::variant<Ts...>& value) {
  load_alternative(archive, value, archive.number());
}
template <typename... Ts>
void walk(Saver& archive, const std::variant<Ts...>& value) {
  archive.number(value.index());
  std::visit([&](const auto& one) { walk(archive, one); }, value);
}

// One after the other.
template <typename A, typename... Ts>
void walk_all(A& archive, Ts&... values) {
  (walk(archive, values), ...);
}

}  // namespace gotthard::ike
