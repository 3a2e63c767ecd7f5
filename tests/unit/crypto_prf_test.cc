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
