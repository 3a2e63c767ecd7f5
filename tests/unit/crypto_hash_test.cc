#include "crypto/hash.h"

#include <gtest/gtest.h>

#include "crypto/bytes.h"
#include "tests/unit/crypto_testing.h"
#include "tests/unit/reference_blake2s.h"

namespace gotthard::crypto {
namespace {

using testing::Bytes;
using testing::copy;
using testing::Generator;
using testing::hex;
using testing::ReferenceBlake2s;
using Octets = ReferenceBlake2s::Octets;

Octets octets(std::span<const std::byte> bytes) {
  Octets result;
  for (const std::byte byte : bytes) {
    result.push_back(static_cast<std::uint8_t>(byte));
  }
  return result;
}

// RFC 7693, appendix E.
Octets self_test_sequence(std::size_t length, std::uint32_t seed) {
  std::uint32_t a = 0xdead4bad * seed;
  std::uint32_t b = 1;
  Octets result;
  for (std::size_t i = 0; i < length; ++i) {
    const std::uint32_t t = a + b;
    a = b;
    b = t;
    result.push_back(static_cast<std::uint8_t>(t >> 24));
  }
  return result;
}

TEST(ReferenceBlake2s, PassesTheSelfTestOfTheRfc) {
  Octets all;
  for (const std::uint32_t size : {16u, 20u, 28u, 32u}) {
    for (const std::uint32_t length : {0u, 3u, 64u, 65u, 255u, 1024u}) {
      const Octets message = self_test_sequence(length, length);
      for (const Octets& key : {Octets(), self_test_sequence(size, size)}) {
        const Octets digest = ReferenceBlake2s::hash(size, key, message);
        all.insert(all.end(), digest.begin(), digest.end());
      }
    }
  }
  EXPECT_EQ(copy(ReferenceBlake2s::hash(32, {}, all)),
            hex("6a411f08ce25adcdfb02aba641451cec53c598b24f4fc787fbdc88797f4c1dfe"));
}

TEST(Blake2s, VectorOfTheRfc) {
  // RFC 7693, appendix B.
  EXPECT_EQ(copy(blake2s(testing::text("abc"))),
            hex("508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982"));
  EXPECT_EQ(copy(blake2s({})),
            hex("69217a3079908094e11121d042354a7c1f55b6482ca1a51e1b250dfd1ed0eef9"));
}

TEST(Blake2s, IsTheReferenceForAllLengthsAndAnySplit) {
  Generator generator(1);
  for (std::size_t length = 0; length <= 300; ++length) {
    const Bytes message = generator.bytes(length);
    const std::size_t split = generator.below(length + 1);
    const auto whole = std::span<const std::byte>(message);
    EXPECT_EQ(copy(blake2s(whole.first(split), whole.subspan(split))),
              copy(ReferenceBlake2s::hash(32, {}, octets(message))))
        << length;
  }
}

TEST(Blake2sMac, IsTheReferenceForAllKeyLengths) {
  auto mac = Blake2sMac::create();
  ASSERT_TRUE(mac) << mac.error().message;
  Generator generator(2);
  for (std::size_t length = 0; length <= 200; ++length) {
    for (const std::size_t key_length : {std::size_t{1}, std::size_t{16}, 1 + length % 32}) {
      const Bytes key = generator.bytes(key_length);
      const Bytes message = generator.bytes(length);
      EXPECT_EQ(copy(mac->mac(key, message)),
                copy(ReferenceBlake2s::hash(16, octets(key), octets(message))))
          << length << " bytes under a key of " << key_length;
    }
  }
}

TEST(Hmac, IsTheReferenceForAllLengths) {
  Generator generator(3);
  for (std::size_t length = 0; length <= 200; ++length) {
    const Bytes key = generator.bytes(length % 100);
    const Bytes first = generator.bytes(length / 2);
    const Bytes second = generator.bytes(length - length / 2);
    Bytes message = first;
    message.insert(message.end(), second.begin(), second.end());
    EXPECT_EQ(copy(hmac_blake2s(key, first, second).bytes()),
              copy(ReferenceBlake2s::hmac(octets(key), octets(message))))
        << length;
  }
}

// The WireGuard paper, section 5.4: tau_0 = Hmac(key, input), tau_i = Hmac(tau_0, tau_(i-1) || i).
std::vector<Bytes> reference_kdf(int outputs, const Bytes& key, const Bytes& input) {
  const Octets first = ReferenceBlake2s::hmac(octets(key), octets(input));
  std::vector<Bytes> result;
  Octets previous;
  for (int i = 1; i <= outputs; ++i) {
    previous.push_back(static_cast<std::uint8_t>(i));
    previous = ReferenceBlake2s::hmac(first, previous);
    result.push_back(copy(previous));
  }
  return result;
}

TEST(Kdf, IsTheReference) {
  Generator generator(4);
  for (const std::size_t length : {0, 1, 12, 16, 32, 33, 100}) {
    const Bytes key = generator.bytes(32);
    const Bytes input = generator.bytes(length);
    const auto expected = reference_kdf(3, key, input);
    EXPECT_EQ(copy(kdf1(key, input).bytes()), expected[0]) << length;
    const auto [a, b] = kdf2(key, input);
    EXPECT_EQ(copy(a.bytes()), expected[0]) << length;
    EXPECT_EQ(copy(b.bytes()), expected[1]) << length;
    const auto [c, d, e] = kdf3(key, input);
    EXPECT_EQ(copy(c.bytes()), expected[0]) << length;
    EXPECT_EQ(copy(d.bytes()), expected[1]) << length;
    EXPECT_EQ(copy(e.bytes()), expected[2]) << length;
  }
}

}  // namespace
}  // namespace gotthard::crypto
