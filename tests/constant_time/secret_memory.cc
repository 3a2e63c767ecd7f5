#include "tests/constant_time/secret_memory.h"

#include <valgrind/memcheck.h>

#include <algorithm>

namespace gotthard::constant_time {

void make_secret(std::span<const std::byte> bytes) {
  static_cast<void>(VALGRIND_MAKE_MEM_UNDEFINED(bytes.data(), bytes.size()));
}

void declassify(std::span<const std::byte> bytes) {
  static_cast<void>(VALGRIND_MAKE_MEM_DEFINED(bytes.data(), bytes.size()));
}

bool is_secret(std::span<const std::byte> bytes) {
  std::vector<std::byte> undefined(bytes.size());
  static_cast<void>(VALGRIND_GET_VBITS(bytes.data(), undefined.data(), bytes.size()));
  return std::ranges::any_of(undefined, [](std::byte bits) { return bits != std::byte{0}; });
}

std::vector<std::byte> public_bytes(std::size_t size, int number) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<std::byte>(i * 29 + static_cast<std::size_t>(number) * 101 + 7);
  }
  return bytes;
}

void fill_secret(std::span<std::byte> bytes, int number) {
  std::ranges::copy(public_bytes(bytes.size(), number), bytes.begin());
  make_secret(bytes);
}

crypto::SecretBytes secret_bytes(std::size_t size, int number) {
  crypto::SecretBytes bytes(size);
  fill_secret(bytes.bytes(), number);
  return bytes;
}

void SecretMemory::SetUp() {
  if (RUNNING_ON_VALGRIND == 0) {
    GTEST_SKIP() << "not under valgrind: tools/test constant_time";
  }
  errors_ = VALGRIND_COUNT_ERRORS;
}

void SecretMemory::TearDown() {
  EXPECT_EQ(VALGRIND_COUNT_ERRORS, errors_)
      << "a branch or an address depends on a secret: see memcheck's report above";
}

}  // namespace gotthard::constant_time
