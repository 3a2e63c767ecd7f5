#include <gtest/gtest.h>
#include <sodium.h>

#include "crypto/aead.h"
#include "crypto/bytes.h"
#include "crypto/handshake_aead.h"
#include "crypto/portable/hmac.h"
#include "tests/unit/crypto_reference.h"
#include "tests/unit/crypto_testing.h"
#include "tests/vectors/esp_packets.h"
#include "tests/vectors/gcm_nist.h"

namespace gotthard::crypto {
namespace {

using testing::array_of;
using testing::BackendTest;
using testing::Bytes;
using testing::copy;
using testing::hex;
using testing::join;
using testing::part;
using testing::text;

struct AeadVector {
  const char* source;
  Bytes key, nonce, aad, plaintext, ciphertext, tag;
};

std::vector<AeadVector> aead_vectors() {
  return {
      {"RFC 8439, section 2.8.2",
       hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"),
       hex("070000004041424344454647"), hex("50515253c0c1c2c3c4c5c6c7"),
       text("Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
            "future, sunscreen would be it."),
       hex("d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb"
           "69da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad6"
           "75945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116"),
       hex("1ae10b594f09e26a7e902ecbd0600691")},
      {"RFC 8439, appendix A.5",
       hex("1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0"),
       hex("000000000102030405060708"), hex("f33388860000000000004e91"),
       text("Internet-Drafts are draft documents valid for a maximum of six months and may be "
            "updated, replaced, or obsoleted by other documents at any time. It is inappropriate "
            "to use Internet-Drafts as reference material or to cite them other than as "
            "/\xe2\x80\x9cwork in progress./\xe2\x80\x9d"),
       hex("64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb24c6cfc18755d43eea09ee9"
           "4e382d26b0bdb7b73c321b0100d4f03b7f355894cf332f830e710b97ce98c8a84abd0b948114ad176e008d"
           "33bd60f982b1ff37c8559797a06ef4f0ef61c186324e2b3506383606907b6a7c02b0f9f6157b53c867e4b9"
           "166c767b804d46a59b5216cde7a4e99040c5a40433225ee282a1b0a06c523eaf4534d7f83fa1155b004771"
           "8cbc546a0d072b04b3564eea1b422273f548271a0bb2316053fa76991955ebd63159434ecebb4e466dae5a"
           "1073a6727627097a1049e617d91d361094fa68f0ff77987130305beaba2eda04df997b714d6c6f2c29a6ad"
           "5cb4022b02709b"),
       hex("eead9d67890cbb22392336fea1851f38")},
  };
}

class AeadVectors : public BackendTest {
 protected:
  void check(const std::string& source, Suite suite, const AeadVector& vector) {
    AeadKey key;
    ASSERT_TRUE(engine().expand(suite, vector.key, key));
    Bytes buffer = vector.plaintext;
    Bytes tag(16);
    buffer.reserve(1);  // an empty text has an address
    const AeadJob job = {.key = &key,
                         .text = buffer.data(),
                         .length = static_cast<std::uint32_t>(buffer.size()),
                         .aad_length = static_cast<std::uint32_t>(vector.aad.size()),
                         .nonce = array_of<12>(vector.nonce),
                         .aad = vector.aad.data(),
                         .tag = tag.data()};
    engine().seal({&job, 1});
    EXPECT_EQ(buffer, vector.ciphertext) << source;
    EXPECT_EQ(tag, vector.tag) << source;
    EXPECT_EQ(engine().open({&job, 1}), 1u) << source;
    EXPECT_EQ(buffer, vector.plaintext) << source;
  }

  // Opens a packet of ESP as it came, with the tag that belongs to it.
  void check_cbc(Suite suite, const Bytes& raw_key, const Bytes& packet, const Bytes& aad,
                 const Bytes& tag, const Bytes& plaintext) {
    AeadKey key;
    ASSERT_TRUE(engine().expand(suite, raw_key, key));
    Bytes buffer = join({packet, tag});
    const AeadJob job = {.key = &key,
                         .text = buffer.data() + 24,
                         .length = static_cast<std::uint32_t>(packet.size() - 24),
                         .aad_length = static_cast<std::uint32_t>(aad.size()),
                         .aad = aad.data(),
                         .tag = buffer.data() + packet.size()};
    EXPECT_EQ(engine().open({&job, 1}), 1u);
    EXPECT_EQ(part(buffer, 24, plaintext.size()), plaintext);
    job.tag[0] ^= std::byte{1};
    EXPECT_EQ(engine().open({&job, 1}), 0u);
  }
};
INSTANTIATE_TEST_SUITE_P(, AeadVectors, ::testing::ValuesIn(testing::all_backends()),
                         testing::backend_test_name);

TEST_P(AeadVectors, Rfc8439) {
  for (const AeadVector& vector : aead_vectors()) {
    check(vector.source, Suite::chacha20_poly1305, vector);
  }
}

TEST_P(AeadVectors, NistGcm) {
  for (const testing::GcmVector& v : testing::kNistGcm) {
    const Bytes key = hex(v.key);
    const Suite suite = key.size() == 16   ? Suite::aes128_gcm
                        : key.size() == 24 ? Suite::aes192_gcm
                                           : Suite::aes256_gcm;
    check(v.key, suite,
          {v.key, key, hex(v.nonce), hex(v.aad), hex(v.plaintext), hex(v.ciphertext), hex(v.tag)});
  }
}

TEST_P(AeadVectors, EspPackets) {
  for (const testing::EspVector& v : testing::kEspPackets) {
    check(v.source, v.suite,
          {v.source, hex(v.key), hex(v.nonce), hex(v.aad), hex(v.plaintext), hex(v.ciphertext),
           hex(v.tag)});
  }
}

// The cipher is the RFC's; the tag is ours to add, by the reference.
TEST_P(AeadVectors, Rfc3602) {
  for (const testing::CbcVector& v : testing::kCbcPackets) {
    const Bytes mac_key(32, std::byte{7});
    const Bytes packet = hex(v.packet);
    const Bytes tag = part(testing::hmac(32, mac_key, packet), 0, 16);
    check_cbc(Suite::aes128_cbc_hmac_sha256_128, join({hex(v.key), mac_key}), packet,
              part(packet, 0, 8), tag, hex(v.plaintext));
  }
}

// The MAC alone: 28 bytes are a header, an IV, no text, and the high half of a sequence number.
TEST_P(AeadVectors, Rfc4868) {
  for (const testing::HmacVector& v : testing::kHmacJefe) {
    const Bytes message = text("what do ya want for nothing?");
    Bytes key(16);
    while (key.size() < key_size(v.suite)) {
      key = join({key, text("Jefe")});
    }
    const Bytes aad = join({part(message, 0, 4), part(message, 24, 4), part(message, 4, 4)});
    check_cbc(v.suite, key, part(message, 0, 24), aad, part(hex(v.mac), 0, tag_size(v.suite)), {});
  }
}

TEST(Hmac, VectorsOfRfc4231) {
  for (const testing::HmacCase& v : testing::kHmacCases) {
    for (const Sha2 hash : {Sha2::sha256, Sha2::sha384, Sha2::sha512}) {
      const Bytes message = hex(v.message);
      HmacKey key;
      expand_hmac(hash, hex(v.key), key);
      const std::array parts{std::span<const std::byte>(message).first(5),
                             std::span<const std::byte>(message).subspan(5)};
      const auto digest = hmac(key, parts);
      EXPECT_EQ(copy(std::span(digest).first(digest_size(hash))),
                hex(v.macs[static_cast<std::size_t>(hash)]));
    }
  }
}

// The one-time authenticator of the library that the backends are compared with, at the edges where
// implementations have failed.
TEST(Poly1305, VectorsOfTheRfc) {
  const std::string zeroes(32, '0');
  const std::string two = "02" + std::string(30, '0');
  const std::string ones(32, 'f');
  const std::string large_r = "01000000000000000400000000000000";
  struct Case {
    std::string key, message, tag;
  };
  const std::vector<Case> cases = {
      {"85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b",
       "43727970746f6772617068696320466f72756d2052657365617263682047726f7570",
       "a8061dc1305136c6c22b8baf0c0127a9"},
      {two + zeroes, ones, "03" + std::string(30, '0')},  // A.3 #7
      {two + ones, two, "03" + std::string(30, '0')},     // A.3 #8
      {"01" + std::string(30, '0') + zeroes,              // A.3 #9
       ones + "f0" + std::string(30, 'f') + "11" + std::string(30, '0'),
       "05" + std::string(30, '0')},
      {"01" + std::string(30, '0') + zeroes,  // A.3 #10
       ones + "fbfefefefefefefefefefefefefefefe01010101010101010101010101010101", zeroes},
      {two + zeroes, "fd" + std::string(30, 'f'), "fa" + std::string(30, 'f')},  // A.3 #11
      {large_r + zeroes,                                                         // A.3 #12
       "e33594d7505e43b900000000000000003394d7505e4379cd010000000000000000000000000000000000000000"
       "00000001000000000000000000000000000000",
       "14000000000000005500000000000000"},
      {large_r + zeroes,  // A.3 #13
       "e33594d7505e43b900000000000000003394d7505e4379cd010000000000000000000000000000000000000000"
       "000000",
       "13000000000000000000000000000000"}};
  for (const Case& c : cases) {
    Bytes tag(16);
    const Bytes message = hex(c.message);
    crypto_onetimeauth_poly1305(raw(tag.data()), raw(message.data()), message.size(),
                                raw(hex(c.key).data()));
    EXPECT_EQ(tag, hex(c.tag)) << c.message;
  }
}

// draft-irtf-cfrg-xchacha-03, appendix A.3.1.
TEST(XChaCha20Poly1305, VectorOfTheDraft) {
  const auto key =
      array_of<32>(hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"));
  const auto nonce = array_of<24>(hex("404142434445464748494a4b4c4d4e4f5051525354555657"));
  const Bytes aad = hex("50515253c0c1c2c3c4c5c6c7");
  const Bytes plaintext = aead_vectors()[0].plaintext;
  const Bytes sealed =
      hex("bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f"
          "4eda7e39ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f"
          "76b2383565d3fff921f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49");
  Bytes out(plaintext.size() + kTagSize);
  xseal(bytes_of(key), nonce, plaintext, aad, out);
  EXPECT_EQ(out, sealed);
  Bytes opened(plaintext.size());
  EXPECT_TRUE(xopen(bytes_of(key), nonce, sealed, aad, opened));
  EXPECT_EQ(opened, plaintext);
  out[3] ^= std::byte{1};
  EXPECT_FALSE(xopen(bytes_of(key), nonce, out, aad, opened));
  EXPECT_EQ(opened, Bytes(plaintext.size())) << "nothing of a refused message is left";
}

// RFC 8439, appendix A.5, has the nonce that Noise makes of this counter.
TEST(HandshakeAead, CounterIsTheNonce) {
  const AeadVector vector = aead_vectors()[1];
  const auto key = array_of<32>(vector.key);
  const std::uint64_t counter = 0x0807060504030201;
  Bytes sealed(vector.plaintext.size() + kTagSize);
  seal(bytes_of(key), counter, vector.plaintext, vector.aad, sealed);
  Bytes expected = vector.ciphertext;
  expected.insert(expected.end(), vector.tag.begin(), vector.tag.end());
  EXPECT_EQ(sealed, expected);
  Bytes opened(vector.plaintext.size());
  EXPECT_TRUE(open(bytes_of(key), counter, sealed, vector.aad, opened));
  EXPECT_EQ(opened, vector.plaintext);
}

TEST(HandshakeAead, RefusesWhatWasChanged) {
  testing::Generator generator(5);
  const auto key = array_of<32>(generator.bytes(32));
  const Bytes aad = generator.bytes(32);
  for (const std::size_t length : {0, 12, 32}) {
    const Bytes plaintext = generator.bytes(length);
    Bytes sealed(length + kTagSize);
    seal(bytes_of(key), 7, plaintext, aad, sealed);
    Bytes opened(length);
    for (std::size_t i = 0; i < sealed.size(); ++i) {
      Bytes forged = sealed;
      forged[i] ^= std::byte{0x40};
      EXPECT_FALSE(open(bytes_of(key), 7, forged, aad, opened)) << i;
      EXPECT_EQ(opened, Bytes(length));
    }
    EXPECT_FALSE(open(bytes_of(key), 8, sealed, aad, opened));
    EXPECT_FALSE(open(bytes_of(key), 7, sealed, {}, opened));
    EXPECT_TRUE(open(bytes_of(key), 7, sealed, aad, opened));
    EXPECT_EQ(opened, plaintext);
  }
}

TEST(HandshakeAead, RefusesWrongLengths) {
  const auto key = array_of<32>(Bytes(32));
  Bytes out(4);
  EXPECT_FALSE(open(bytes_of(key), 0, Bytes(15), {}, {}));
  EXPECT_FALSE(open(bytes_of(key), 0, {}, {}, out));
  EXPECT_FALSE(open(bytes_of(key), 0, Bytes(21), {}, out));
  EXPECT_FALSE(xopen(bytes_of(key), XNonce{}, Bytes(19), {}, out));
}

TEST(HandshakeAeadDeathTest, SealChecksItsOutput) {
  const auto key = array_of<32>(Bytes(32));
  Bytes out(19);
  EXPECT_DEATH(seal(bytes_of(key), 0, Bytes(4), {}, out), "seal: the output's length");
}

}  // namespace
}  // namespace gotthard::crypto
