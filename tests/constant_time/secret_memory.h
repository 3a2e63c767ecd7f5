// Secrets as valgrind sees them: marked undefined, they stay so through all that is computed from
// them, and memcheck reports each branch and each address that depends on them (Langley's ctgrind).
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

#include "crypto/secret_bytes.h"

namespace gotthard::constant_time {

void make_secret(std::span<const std::byte> bytes);
// For what is public by nature from here on: what goes over the wire, and verdicts.
void declassify(std::span<const std::byte> bytes);
// Some bit of it depends on a secret.
[[nodiscard]] bool is_secret(std::span<const std::byte> bytes);

template <typename T>
[[nodiscard]] T declassified(T value) {
  static_assert(std::is_trivially_copyable_v<T>);
  declassify(std::as_bytes(std::span(&value, 1)));
  return value;
}

// Bytes that are the same in each run, and secret.
void fill_secret(std::span<std::byte> bytes, int number);
[[nodiscard]] crypto::SecretBytes secret_bytes(std::size_t size, int number);
template <std::size_t N = 32>
[[nodiscard]] crypto::Secret<N> secret(int number) {
  crypto::Secret<N> made;
  fill_secret(made.bytes(), number);
  return made;
}
[[nodiscard]] std::vector<std::byte> public_bytes(std::size_t size, int number);

// A test fails with what memcheck reports of it. Without valgrind there is nothing to see.
class SecretMemory : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

 private:
  unsigned long errors_ = 0;
};

}  // namespace gotthard::constant_time
