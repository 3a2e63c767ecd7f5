#include "crypto/prf.h"

#include <gtest/gtest.h>

#include "tests/unit/crypto_testing.h"

namespace gotthard::crypto {
namespace {

using testing::Bytes;
using testing::copy;
using testing::hex;
using testing::text;

// RFC 4868, section 2.7.1 (test case PRF-1) and 2.7.2.1 (its key is shorter than the output).
TEST(Prf, VectorsOfRfc4868) {
  const Bytes key(20, std::byte{0x0b});
  EXPECT_EQ(copy(prf(Digest::sha256, key, {text("Hi There")}).bytes()),
            hex("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"));
  EXPECT_EQ(copy(prf(Digest::sha384, key, {text("Hi "), text("There")}).bytes()),
            hex("afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
                "faea9ea9076ede7f4af152e8b2fa9cb6"));
  EXPECT_EQ(copy(prf(Digest::sha512, key, {text("Hi There"), {}}).bytes()),
            hex("87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
                "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854"));
  EXPECT_EQ(copy(prf(Digest::sha256, text("Jefe"), {text("what do ya want for nothing?")}).bytes()),
            hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
}

// NIST, component validation of SP 800-135: IKEv2 with HMAC-SHA-1, which is not negotiated.
TEST(Prf, VectorOfNistWithSha1) {
  const Bytes ni = hex("32b50d5f4a3763f3");
  const Bytes nr = hex("9206a04b26564cb1");
  Bytes both = ni;
  both.insert(both.end(), nr.begin(), nr.end());
  const Bytes gir = hex("4b2c1f971981a8ad8d0abeafabf38cf75fc8349c148142465ed9c8b516b8be52");
  const Bytes gir_new = hex("863f3c9d06efd39d2b907b97f8699e5dd5251ef64a2a176f36ee40c87d4f9330");
  const SecretBytes seed = prf(Digest::sha1, both, {gir});
  EXPECT_EQ(copy(seed.bytes()), hex("a9a7b222b59f8f48645f28a1db5b5f5d7479cba7"));
  const SecretBytes keys =
      prf_plus(Digest::sha1, seed.bytes(), {ni, nr, hex("34c9e7c1888687853ff77d760d2b2199")}, 132);
  EXPECT_EQ(copy(keys.bytes()),
            hex("a14293677cc80ff8f9cc0eee30d895da9d8f405666e30ef0dfcb63c634a46002a2a63080e514a06276"
                "8b76606f9fa5e992204fc5a670bde3f10d6b027113936a5c55b648a194ae587b0088d52204b702c979"
                "fa280870d2ed41efa9c549fd11198af1670b143d384bd275c5f594cf266b05ebadca855e4249520a44"
                "1a81157435a7a56cc4"));
  const auto d = std::span<const std::byte>(keys.bytes()).first(20);
  EXPECT_EQ(copy(prf(Digest::sha1, d, {gir_new, ni, nr}).bytes()),
            hex("63e81194946ebd05df7df5ebf5d8750056bf1f1d"));
}

// RFC 7296, section 2.13, written out.
TEST(Prf, PlusChainsItsBlocks) {
  const Bytes key = text("key");
  const Bytes seed = text("seed");
  for (const Digest digest : {Digest::sha256, Digest::sha384, Digest::sha512}) {
    const std::byte one{1};
    const std::byte two{2};
    const SecretBytes t1 = prf(digest, key, {seed, {&one, 1}});
    const SecretBytes t2 = prf(digest, key, {t1.bytes(), seed, {&two, 1}});
    Bytes expected = copy(t1.bytes());
    expected.insert(expected.end(), t2.bytes().begin(), t2.bytes().end());
    for (const std::size_t cut : {std::size_t{0}, std::size_t{1}, t1.size() - 1}) {
      const std::size_t length = expected.size() - cut;
      EXPECT_EQ(copy(prf_plus(digest, key, {text("se"), text("ed")}, length).bytes()),
                Bytes(expected.begin(), expected.end() - static_cast<std::ptrdiff_t>(cut)));
    }
  }
  EXPECT_EQ(prf_plus(Digest::sha256, key, {seed}, 0).size(), 0U);
  EXPECT_EQ(prf_plus(Digest::sha256, key, {seed}, 255 * 32).size(), 255U * 32);
}

TEST(Digest, OfSeveralPieces) {
  EXPECT_EQ(copy(sha1({text("ab"), {}, text("c")})),
            hex("a9993e364706816aba3e25717850c26c9cd0d89d"));
  Bytes out(48);
  hash(Digest::sha384, {text("abc")}, out);
  EXPECT_EQ(out, hex("cb00753f45a35e8bb5a03d699ac65007272c32ab0eded163"
                     "1a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"));
}

}  // namespace
}  // namespace gotthard::crypto
