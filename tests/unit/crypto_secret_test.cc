#include "crypto/secret.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "crypto/random.h"
#include "tests/unit/crypto_testing.h"

namespace gotthard::crypto {
namespace {

using testing::Bytes;
using testing::copy;
using testing::hex;

static_assert(!std::is_copy_constructible_v<Secret<32>> && !std::is_copy_assignable_v<Secret<32>>);
static_assert(std::is_nothrow_move_constructible_v<Secret<32>>);
static_assert(!std::is_copy_constructible_v<AeadKey>);
static_assert(sizeof(Secret<32>) == 32);

template <typename T>
concept Comparable = requires(const T& a, const T& b) {
  a == b;
};
static_assert(!Comparable<Secret<32>>);

std::array<std::uint8_t, 32> sample() {
  std::array<std::uint8_t, 32> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::uint8_t>(i + 1);
  }
  return bytes;
}

bool all_zero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

TEST(Secret, StartsAsZeroes) { EXPECT_TRUE(all_zero(Secret<16>().bytes())); }

TEST(Secret, HoldsWhatItWasGiven) {
  const auto secret = Secret<32>::copy_of(sample());
  EXPECT_EQ(copy(secret.bytes()), copy(sample()));
}

TEST(Secret, MoveLeavesZeroes) {
  auto first = Secret<32>::copy_of(sample());
  Secret<32> second(std::move(first));
  EXPECT_TRUE(all_zero(first.bytes()));  // NOLINT: what a move leaves is the point
  EXPECT_EQ(copy(second.bytes()), copy(sample()));
  Secret<32> third;
  third = std::move(second);
  EXPECT_TRUE(all_zero(second.bytes()));  // NOLINT
  EXPECT_EQ(copy(third.bytes()), copy(sample()));
}

// The memory of an object that has ended is looked at byte by byte through a volatile pointer.
template <typename T>
bool memory_is_zero(const void* memory) {
  const auto* bytes = static_cast<const volatile unsigned char*>(memory);
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    if (bytes[i] != 0) {
      return false;
    }
  }
  return true;
}

TEST(Secret, EndWipes) {
  alignas(Secret<32>) std::array<unsigned char, sizeof(Secret<32>)> memory;
  auto* secret = new (memory.data()) Secret<32>(Secret<32>::copy_of(sample()));
  ASSERT_FALSE(memory_is_zero<Secret<32>>(memory.data()));
  std::destroy_at(secret);
  EXPECT_TRUE(memory_is_zero<Secret<32>>(memory.data()));
}

// Also of the raw key, wherever the schedule may have it.
TEST(Secret, EndOfAeadKeyWipes) {
  for (const Backend backend : {Backend::portable, Backend::automatic}) {
    auto engine = AeadEngine::create(backend);
    for (std::size_t i = 0; i < kSuites; ++i) {
      const auto suite = static_cast<Suite>(i);
      alignas(AeadKey) std::array<unsigned char, sizeof(AeadKey)> memory{};
      auto* key = new (memory.data()) AeadKey;
      ASSERT_TRUE(engine->expand(suite, Bytes(key_size(suite), std::byte{0x5a}), *key));
      ASSERT_EQ(key->suite(), suite);
      memory[0] = 0;  // the suite is no secret
      ASSERT_FALSE(memory_is_zero<AeadKey>(memory.data()));
      std::destroy_at(key);
      EXPECT_TRUE(memory_is_zero<AeadKey>(memory.data()));
    }
  }
}

TEST(Equal, ComparesBytesAndLengths) {
  EXPECT_TRUE(equal({}, {}));
  EXPECT_TRUE(equal(hex("0102"), hex("0102")));
  EXPECT_FALSE(equal(hex("0102"), hex("0103")));
  EXPECT_FALSE(equal(hex("0102"), hex("010200")));
  for (std::size_t bit = 0; bit < 128; ++bit) {
    Bytes a = hex("00112233445566778899aabbccddeeff");
    Bytes b = a;
    b[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    EXPECT_FALSE(equal(a, b)) << bit;
  }
}

TEST(Random, DiffersEachTime) {
  Bytes a(32);
  Bytes b(32);
  random_bytes(a);
  random_bytes(b);
  EXPECT_NE(a, b);
  EXPECT_NE(random_u64(), random_u64());
  // 64 draws of 32 bits: each bit is seen set and clear.
  std::uint32_t set = 0;
  std::uint32_t clear = 0;
  for (int i = 0; i < 64; ++i) {
    const std::uint32_t value = random_u32();
    set |= value;
    clear |= ~value;
  }
  EXPECT_EQ(set, 0xffffffff);
  EXPECT_EQ(clear, 0xffffffff);
}

}  // namespace
}  // namespace gotthard::crypto
