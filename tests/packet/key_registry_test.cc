// No key twice, however many there were; and what remembering them costs.
#include "dataplane/manager/key_registry.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <vector>

namespace gotthard::packet_test {
namespace {

using dataplane::KeyRegistry;
using Key = std::array<std::byte, 32>;

Key key(std::uint64_t number) {
  Key key{};
  std::memcpy(key.data(), &number, sizeof(number));
  return key;
}
KeyRegistry registry(std::size_t most_bytes = KeyRegistry::kMostBytes) {
  crypto::Secret<32> hash_key;
  hash_key.bytes()[0] = std::byte{1};
  return {crypto::Blake2sMac::create().value(), std::move(hash_key), most_bytes};
}

TEST(KeyRegistry, RefusesEitherKeyInEitherDirection) {
  KeyRegistry keys = registry();
  EXPECT_FALSE(keys.admit(key(1), key(1)));
  EXPECT_TRUE(keys.admit(key(1), key(2)));
  EXPECT_FALSE(keys.admit(key(1), key(2)));
  EXPECT_FALSE(keys.admit(key(2), key(1)));
  EXPECT_FALSE(keys.admit(key(1), key(3)));
  EXPECT_FALSE(keys.admit(key(3), key(2)));
  EXPECT_TRUE(keys.admit(key(3), key(4))) << "what was refused was not remembered";
  EXPECT_EQ(keys.keys(), 4U);
}

TEST(KeyRegistry, TakesFourBytesAKeyAndIsSeldomMistaken) {
  KeyRegistry keys = registry();
  constexpr std::uint64_t kSessions = 300'000;
  std::vector<std::uint64_t> admitted;
  for (std::uint64_t i = 0; i < kSessions; ++i) {
    if (keys.admit(key(2 * i), key(2 * i + 1))) {
      admitted.push_back(i);
    }
  }
  EXPECT_GE(admitted.size(), kSessions - 60);
  EXPECT_EQ(keys.keys(), 2 * admitted.size());
  EXPECT_LE(keys.bytes(), 2 * 4 * keys.keys()) << "the last filter is half empty at worst";
  for (const std::uint64_t i : admitted) {
    ASSERT_FALSE(keys.admit(key(2 * i), key(4 * kSessions + 2 * i))) << i;
    ASSERT_FALSE(keys.admit(key(4 * kSessions + 2 * i), key(2 * i + 1))) << i;
  }
}

TEST(KeyRegistry, FullItGoesOnAndStillAdmitsNothingTwice) {
  KeyRegistry keys = registry(std::size_t{768} << 10);             // two filters
  constexpr std::uint64_t kRoom = (std::uint64_t{768} << 10) / 8;  // sessions
  const auto admitted = [&](std::uint64_t from, std::uint64_t to) {
    std::uint64_t count = 0;
    for (std::uint64_t i = from; i < to; ++i) {
      count += keys.admit(key(2 * i), key(2 * i + 1)) ? 1 : 0;
    }
    return static_cast<double>(count) / static_cast<double>(to - from);
  };
  EXPECT_GT(admitted(0, kRoom), 0.999);
  EXPECT_GT(admitted(kRoom, 2 * kRoom), 0.97);
  EXPECT_GT(admitted(2 * kRoom, 3 * kRoom), 0.75);
  EXPECT_EQ(keys.bytes(), std::size_t{768} << 10);
  for (std::uint64_t i = 0; i < 3 * kRoom; ++i) {
    ASSERT_FALSE(keys.admit(key(2 * i), key(2 * i + 1)));
  }
}

}  // namespace
}  // namespace gotthard::packet_test
