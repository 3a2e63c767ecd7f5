#include "crypto/x25519.h"

#include <gtest/gtest.h>

#include <utility>

#include "crypto/bytes.h"
#include "tests/unit/crypto_testing.h"

namespace gotthard::crypto {
namespace {

using testing::array_of;
using testing::Bytes;
using testing::copy;
using testing::hex;

PrivateKey scalar(const Bytes& bytes) { return PrivateKey::copy_of(array_of<32>(bytes)); }
PublicKey point(const Bytes& bytes) { return array_of<32>(bytes); }

Bytes dh_bytes(std::string_view k, std::string_view u) {
  const auto shared = dh(scalar(hex(k)), point(hex(u)));
  return shared ? copy(shared->bytes()) : Bytes();
}

// RFC 7748, section 5.2.
TEST(X25519, VectorsOfTheRfc) {
  EXPECT_EQ(dh_bytes("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
                     "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"),
            hex("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"));
  EXPECT_EQ(dh_bytes("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
                     "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493"),
            hex("95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"));
}

TEST(X25519, IterationsOfTheRfc) {
  Bytes k = hex("0900000000000000000000000000000000000000000000000000000000000000");
  Bytes u = k;
  for (int i = 1; i <= 1000; ++i) {
    const auto shared = dh(scalar(k), point(u));
    ASSERT_TRUE(shared);
    u = std::exchange(k, copy(shared->bytes()));
    if (i == 1) {
      EXPECT_EQ(k, hex("422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"));
    }
  }
  EXPECT_EQ(k, hex("684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"));
}

// RFC 7748, section 6.1.
TEST(X25519, ExchangeOfTheRfc) {
  const auto a = scalar(hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"));
  const auto b = scalar(hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
  EXPECT_EQ(copy(public_key(a)),
            hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"));
  EXPECT_EQ(copy(public_key(b)),
            hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"));
  const Bytes shared = hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
  EXPECT_EQ(copy(dh(a, public_key(b))->bytes()), shared);
  EXPECT_EQ(copy(dh(b, public_key(a))->bytes()), shared);
}

TEST(X25519, RefusesPointsOfSmallOrder) {
  const PrivateKey key = generate_private_key();
  for (const std::string_view bad :
       {"0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"}) {
    EXPECT_FALSE(dh(key, point(hex(bad)))) << bad;
  }
}

TEST(X25519, ClampFixesFiveBits) {
  for (const std::uint8_t fill : {0x00, 0xff}) {
    PrivateKey key = scalar(Bytes(32, std::byte{fill}));
    clamp(key);
    EXPECT_EQ(key.bytes()[0] & std::byte{7}, std::byte{0});
    EXPECT_EQ(key.bytes()[31] & std::byte{0xc0}, std::byte{0x40});
    EXPECT_EQ(key.bytes()[15], std::byte{fill});
    PrivateKey same = scalar(Bytes(32, std::byte{fill}));
    EXPECT_EQ(public_key(key), public_key(same)) << "the operations clamp themselves";
  }
}

TEST(X25519, BothSidesAgree) {
  for (int i = 0; i < 20; ++i) {
    const KeyPair a = generate_key_pair();
    const KeyPair b = generate_key_pair();
    EXPECT_NE(a.public_key, b.public_key);
    const auto ab = dh(a.private_key, b.public_key);
    const auto ba = dh(b.private_key, a.public_key);
    ASSERT_TRUE(ab && ba);
    EXPECT_TRUE(equal(ab->bytes(), ba->bytes()));
  }
}

}  // namespace
}  // namespace gotthard::crypto
