#include "crypto/dh_group.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "crypto/digest.h"
#include "crypto/random.h"
#include "tests/unit/crypto_testing.h"

namespace gotthard::crypto {
namespace {

using testing::Bytes;
using testing::copy;
using testing::hex;

constexpr std::array kGroups = {DhGroup::curve25519, DhGroup::curve448, DhGroup::ecp256,
                                DhGroup::ecp384,     DhGroup::ecp521,   DhGroup::modp2048,
                                DhGroup::modp3072,   DhGroup::modp4096};

struct Vector {
  DhGroup group;
  std::string_view a, public_a, b, public_b, secret;
};

void check(const Vector& vector) {
  const auto a = SecretBytes::copy_of(hex(vector.a));
  const auto b = SecretBytes::copy_of(hex(vector.b));
  EXPECT_EQ(dh_public(vector.group, a), hex(vector.public_a));
  EXPECT_EQ(dh_public(vector.group, b), hex(vector.public_b));
  for (const auto& secret : {dh_secret(vector.group, a, hex(vector.public_b)),
                             dh_secret(vector.group, b, hex(vector.public_a))}) {
    ASSERT_TRUE(secret);
    EXPECT_EQ(copy(secret->bytes()), hex(vector.secret));
  }
}

// RFC 7748, section 6.
TEST(DhGroup, VectorsOfRfc7748) {
  check({DhGroup::curve25519, "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
         "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
         "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
         "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
         "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"});
  check({DhGroup::curve448,
         "9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28dd9c9baf574a9419744897391006382a6"
         "f127ab1d9ac2d8c0a598726b",
         "9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c22c5d9bbc836647241d953d40c5b12da"
         "88120d53177f80e532c41fa0",
         "1c306a7ac2a0e2e0990b294470cba339e6453772b075811d8fad0d1d6927c120bb5ee8972b0d3e21374c9c92"
         "1b09d1b0366f10b65173992d",
         "3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b43027d8b972fc3e34fb4232a13ca706dcb5"
         "7aec3dae07bdc1c67bf33609",
         "07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282bb60c0b56fd2464c335543936521c2440"
         "3085d59a449a5037514a879d"});
}

// RFC 5903, section 8.
TEST(DhGroup, VectorsOfRfc5903) {
  check({DhGroup::ecp256, "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
         "dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180"
         "5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3",
         "c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53",
         "d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63"
         "56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
         "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de"});
  check({DhGroup::ecp384,
         "099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655"
         "e35b538041e649ee3faef896783ab194",
         "667842d7d180ac2cde6f74f37551f55755c7645c20ef73e31634fe72b4c55ee6"
         "de3ac808acb4bdb4c88732aee95f41aa"
         "9482ed1fc0eeb9cafc4984625ccfc23f65032149e0e144ada024181535a0f38e"
         "eb9fcff3c2c947dae69b4c634573a81c",
         "41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0aa2942"
         "e0308312916b8ed2960e4bd55a7448fc",
         "e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc509d"
         "0d1ac43a0336def96fda41d0774a3571"
         "dcfbec7aacf3196472169e838430367f66eebe3c6e70c416dd5f0c68759dd1ff"
         "f83fa40142209dff5eaad96db9e6386c",
         "11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4"
         "d603135569b9e9d09cf5d4a270f59746"});
  check({DhGroup::ecp521,
         "0037ade9319a89f4dabdb3ef411aaccca5123c61acab57b5393dce47608172a095aa"
         "85a30fe1c2952c6771d937ba9777f5957b2639bab072462f68c27a57382d4a52",
         "0015417e84dbf28c0ad3c278713349dc7df153c897a1891bd98bab4357c9ecbee1e3"
         "bf42e00b8e380aeae57c2d107564941885942af5a7f4601723c4195d176ced3e"
         "017cae20b6641d2eeb695786d8c946146239d099e18e1d5a514c739d7cb4a10ad8a7"
         "88015ac405d7799dc75e7b7d5b6cf2261a6a7f1507438bf01beb6ca3926f9582",
         "0145ba99a847af43793fdd0e872e7cdfa16be30fdc780f97bccc3f078380201e9c67"
         "7d600b343757a3bdbf2a3163e4c2f869cca7458aa4a4effc311f5cb151685eb9",
         "00d0b3975ac4b799f5bea16d5e13e9af971d5e9b984c9f39728b5e5739735a219b97"
         "c356436adc6e95bb0352f6be64a6c2912d4ef2d0433ced2b6171640012d9460f"
         "015c68226383956e3bd066e797b623c27ce0eac2f551a10c2c724d9852077b87220b"
         "6536c5c408a1d2aebb8e86d678ae49cb57091f4732296579ab44fcd17f0fc56a",
         "01144c7d79ae6956bc8edb8e7c787c4521cb086fa64407f97894e5e6b2d79b04d142"
         "7e73ca4baa240a34786859810c06b3c715a3a8cc3151f2bee417996d19f3ddea"});
}

Bytes sha256(std::span<const std::byte> bytes) {
  Bytes result(32);
  hash(Digest::sha256, {bytes}, result);
  return result;
}

// Computed with Python's integers, from the primes as RFC 3526 defines them (by the digits of pi).
TEST(DhGroup, ModpAsPythonHasIt) {
  const std::vector<Vector> vectors = {
      {DhGroup::modp2048,
       "880b528aef7f9ea6ae7436e939a4863fd4d49fb637b47fbfa82150df80c37491ff2311969eb3e07a",
       "9b029e8918b8912696d82eb5b5335eeb0e6c97c0b4c527c9fb546695d2b86f54",
       "aa9142077a21d356b99a5198f54960d54d2a1152b61cfe0175464d4e001dc6a2916a0c36e390bb09",
       "49e1d03a808eb59ea758e928e7a9a0d0c8de1b1533e1feb1a1547a2aa966f9ba",
       "84f3d0ca4097a81b3bea926442fdeb476862e86ad7e63e645c54b08d3991d1e6"},
      {DhGroup::modp3072,
       "c4d6bb19c11af625db31e3456d85ae61fd7741c2d20b61297bc66ecd2bfe70baeaaffd16be9aa88bd3e6acb9"
       "600ca11c1eb69251",
       "e2ea95da2ca05cf4eff5f494dcc6a42eb171e9b81ece83a08776b26bc0650a32",
       "19b1934b22dc63cd6dee2d89fff1a2619411a89a5ecd77b2f26c8b257a042199f9e5c7fe01fcc092cfc7b4ee"
       "001cd22671a68a8c",
       "a491284d99533ee10a472e2165262744e44968050b6e943dcceeef0aeefe7a4c",
       "2968a833a4a94c494ed7d4bfb8260721300062179fe0fed2c96ad50ba0950ad3"},
      {DhGroup::modp4096,
       "b871999d0cb9100dc8e87f215ef293ea09633319e1e22f0b69b571fabfa9118a49ccfddd5c9e519b9dd8d2a9"
       "1a97ba6446ffb810cbf19c7289b5c69a",
       "25a56afcc78beedf33569cb3e50459d12ee64b254758e0a70d6d03aeb48db12d",
       "04d5edf9e944fa4929bf6cd6f03cec67bfc7ee6f12486f0cd26f8168b65b1089286e753abb07246846875dbb"
       "8c086b1bef9619c6d02447b0f988cbdf",
       "fb28e24e5f1a2028734a61af6c7bc73a68a5bfd2d9cfcceeb85622dd7e5781b4",
       "3a5e48e12665cbd0d3fc170d8ba50ec0a6768060fb5a916443a9a0b3b35f4553"}};
  for (const Vector& vector : vectors) {
    const auto a = SecretBytes::copy_of(hex(vector.a));
    const auto b = SecretBytes::copy_of(hex(vector.b));
    const Bytes public_a = dh_public(vector.group, a);
    const Bytes public_b = dh_public(vector.group, b);
    EXPECT_EQ(sha256(public_a), hex(vector.public_a));
    EXPECT_EQ(sha256(public_b), hex(vector.public_b));
    EXPECT_EQ(sha256(dh_secret(vector.group, a, public_b)->bytes()), hex(vector.secret));
    EXPECT_EQ(sha256(dh_secret(vector.group, b, public_a)->bytes()), hex(vector.secret));
  }
}

TEST(DhGroup, BothSidesAgreeInEachGroup) {
  for (const DhGroup group : kGroups) {
    const SecretBytes a = dh_private(group, random_bytes);
    const SecretBytes b = dh_private(group, random_bytes);
    const Bytes public_a = dh_public(group, a);
    const Bytes public_b = dh_public(group, b);
    EXPECT_EQ(public_a.size(), dh_public_size(group));
    EXPECT_NE(public_a, public_b);
    const auto ab = dh_secret(group, a, public_b);
    const auto ba = dh_secret(group, b, public_a);
    ASSERT_TRUE(ab && ba);
    EXPECT_EQ(ab->size(), dh_secret_size(group));
    EXPECT_TRUE(equal(ab->bytes(), ba->bytes()));
  }
}

TEST(DhGroup, WrongLengthsAreRefused) {
  for (const DhGroup group : kGroups) {
    const SecretBytes own = dh_private(group, random_bytes);
    Bytes value = dh_public(group, own);
    value.push_back(std::byte{0});
    EXPECT_FALSE(dh_secret(group, own, value));
    value.resize(value.size() - 2);
    EXPECT_FALSE(dh_secret(group, own, value));
    EXPECT_FALSE(dh_secret(group, own, {}));
  }
}

// RFC 6989, section 2.1.
TEST(DhGroup, ModpRefusesZeroOneAndTheirLike) {
  for (const DhGroup group : {DhGroup::modp2048, DhGroup::modp3072, DhGroup::modp4096}) {
    const SecretBytes own = dh_private(group, random_bytes);
    Bytes value(dh_public_size(group));
    const auto refused = [&](int last) {
      value.back() = static_cast<std::byte>(last);
      return !dh_secret(group, own, value);
    };
    EXPECT_TRUE(refused(0));
    EXPECT_TRUE(refused(1));
    EXPECT_FALSE(refused(2));
    std::ranges::fill(value, std::byte{0xff});  // both ends of each prime are ones
    EXPECT_FALSE(dh_secret(group, own, value)) << "the prime and beyond";
  }
}

// The prime less one has order two.
TEST(DhGroup, ModpRefusesThePrimeLessOne) {
  const SecretBytes own = dh_private(DhGroup::modp2048, random_bytes);
  // RFC 3526, section 3.
  Bytes prime = hex(
      "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e34"
      "04ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6"
      "f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf0598da48361c55d39a6916"
      "3fa8fd24cf5f83655d23dca3ad961c62f356208552bb9ed529077096966d670c354e4abc9804f1746c08ca18217c"
      "32905e462e36ce3be39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9de2bcbf6955817183995497cea95"
      "6ae515d2261898fa051015728e5a8aacaa68ffffffffffffffff");
  EXPECT_FALSE(dh_secret(DhGroup::modp2048, own, prime));
  prime.back() = std::byte{0xfe};
  EXPECT_FALSE(dh_secret(DhGroup::modp2048, own, prime));
  prime.back() = std::byte{0xfd};
  EXPECT_TRUE(dh_secret(DhGroup::modp2048, own, prime));
}

// RFC 6989, section 2.3.
TEST(DhGroup, EcpRefusesWhatIsNoPoint) {
  for (const DhGroup group : {DhGroup::ecp256, DhGroup::ecp384, DhGroup::ecp521}) {
    const SecretBytes own = dh_private(group, random_bytes);
    Bytes value = dh_public(group, dh_private(group, random_bytes));
    EXPECT_TRUE(dh_secret(group, own, value));
    value.back() ^= std::byte{1};
    EXPECT_FALSE(dh_secret(group, own, value)) << "beside the curve";
    std::ranges::fill(value, std::byte{0});
    EXPECT_FALSE(dh_secret(group, own, value));
    std::ranges::fill(value, std::byte{0xff});
    EXPECT_FALSE(dh_secret(group, own, value)) << "beyond the field";
  }
}

// A point of P-256 whose x is small, with the field's prime added to it: the same point modulo the
// prime, in another writing.
TEST(DhGroup, EcpRefusesCoordinatesBeyondTheField) {
  const SecretBytes own = dh_private(DhGroup::ecp256, random_bytes);
  const Bytes y = hex("66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4");
  Bytes value = hex("0000000000000000000000000000000000000000000000000000000000000000");
  value.insert(value.end(), y.begin(), y.end());
  EXPECT_TRUE(dh_secret(DhGroup::ecp256, own, value)) << "x is 0";
  Bytes beyond = hex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff");
  beyond.insert(beyond.end(), y.begin(), y.end());
  EXPECT_FALSE(dh_secret(DhGroup::ecp256, own, beyond)) << "x is the prime";
}

TEST(DhGroup, CurvesRefuseSmallOrder) {
  for (const DhGroup group : {DhGroup::curve25519, DhGroup::curve448}) {
    const SecretBytes own = dh_private(group, random_bytes);
    Bytes value(dh_public_size(group));
    EXPECT_FALSE(dh_secret(group, own, value));
    value.front() = std::byte{1};
    EXPECT_FALSE(dh_secret(group, own, value));
  }
}

// The order of P-256 and what is beyond are drawn again, so is zero.
TEST(DhGroup, EcpPrivateValuesAreBelowTheOrder) {
  const std::vector<Bytes> draws = {
      Bytes(32, std::byte{0xff}),
      hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"), Bytes(32),
      hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550")};
  std::size_t next = 0;
  const SecretBytes value = dh_private(DhGroup::ecp256, [&](std::span<std::byte> out) {
    std::ranges::copy(draws.at(next++), out.begin());
  });
  EXPECT_EQ(next, 4U);
  EXPECT_EQ(copy(value.bytes()), draws.back());
}

}  // namespace
}  // namespace gotthard::crypto
