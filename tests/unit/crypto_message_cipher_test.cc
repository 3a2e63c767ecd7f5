#include "crypto/message_cipher.h"

#include <gtest/gtest.h>

#include "tests/unit/crypto_testing.h"

namespace gotthard::crypto {
namespace {

using testing::Bytes;
using testing::copy;
using testing::Generator;
using testing::hex;

const std::vector<MessageSuite> kSuites = {
    {MessageAlgorithm::aes_gcm_16, 16},
    {MessageAlgorithm::aes_gcm_16, 24},
    {MessageAlgorithm::aes_gcm_16, 32},
    {MessageAlgorithm::chacha20_poly1305, 32},
    {MessageAlgorithm::aes_cbc, 16, Digest::sha256},
    {MessageAlgorithm::aes_cbc, 24, Digest::sha384},
    {MessageAlgorithm::aes_cbc, 32, Digest::sha512},
};

MessageKeys keys_for(const MessageSuite& suite, Generator& generator) {
  return {SecretBytes::copy_of(generator.bytes(suite.encryption_key_size())),
          SecretBytes::copy_of(generator.bytes(suite.integrity_key_size()))};
}

// RFC 7634, appendix B.
TEST(MessageCipher, VectorOfRfc7634) {
  const MessageSuite suite{MessageAlgorithm::chacha20_poly1305, 32};
  const MessageKeys keys{
      SecretBytes::copy_of(hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
                               "a0a1a2a3")),
      {}};
  const Bytes before = hex("c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e202500000000090000004529000029");
  const Bytes plaintext = hex("0000000c000040010000000a00");
  const Bytes sealed = seal_message(suite, keys, hex("1011121314151617"), before, plaintext);
  EXPECT_EQ(sealed, hex("1011121314151617"
                        "610394701f8d017f7c12924889"
                        "6b71bfe25236efd7cdc67066906315b2"));
  EXPECT_EQ(open_message(suite, keys, before, sealed), plaintext);
}

// AES-GCM by the specification's test case 4 (McGrew and Viega): its nonce is salt | IV, its
// additional data what comes before.
TEST(MessageCipher, VectorOfGcm) {
  const MessageSuite suite{MessageAlgorithm::aes_gcm_16, 16};
  const MessageKeys keys{SecretBytes::copy_of(hex("feffe9928665731c6d6a8f9467308308cafebabe")), {}};
  const Bytes before = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const Bytes plaintext = hex(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6"
      "b525b16aedf5aa0de657ba637b39");
  const Bytes sealed = seal_message(suite, keys, hex("facedbaddecaf888"), before, plaintext);
  EXPECT_EQ(sealed, hex("facedbaddecaf888"
                        "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b254"
                        "66931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
                        "5bc94fbc3221a5db94fae95ae7121a47"));
}

TEST(MessageCipher, OpensWhatItSealed) {
  Generator generator(1);
  for (const MessageSuite& suite : kSuites) {
    for (std::size_t blocks = 0; blocks < 40; ++blocks) {
      const MessageKeys keys = keys_for(suite, generator);
      const Bytes before = generator.bytes(generator.below(80));
      const Bytes plaintext = generator.bytes(blocks * suite.block_size());
      const Bytes iv = generator.bytes(suite.iv_size());
      const Bytes sealed = seal_message(suite, keys, iv, before, plaintext);
      ASSERT_EQ(sealed.size(), suite.iv_size() + plaintext.size() + suite.icv_size());
      EXPECT_EQ(Bytes(sealed.begin(), sealed.begin() + static_cast<std::ptrdiff_t>(iv.size())), iv);
      EXPECT_EQ(open_message(suite, keys, before, sealed), plaintext);
    }
  }
}

TEST(MessageCipher, OpensNothingElse) {
  Generator generator(2);
  for (const MessageSuite& suite : kSuites) {
    const MessageKeys keys = keys_for(suite, generator);
    const MessageKeys others = keys_for(suite, generator);
    const Bytes before = generator.bytes(32);
    const Bytes sealed =
        seal_message(suite, keys, generator.bytes(suite.iv_size()), before, generator.bytes(48));
    EXPECT_FALSE(open_message(suite, others, before, sealed));
    for (std::size_t i = 0; i < sealed.size(); ++i) {
      Bytes changed = sealed;
      changed[i] ^= std::byte{1};
      EXPECT_FALSE(open_message(suite, keys, before, changed)) << i;
      EXPECT_FALSE(open_message(suite, keys, before, std::span(sealed).first(i))) << i;
    }
    for (std::size_t i = 0; i < before.size(); ++i) {
      Bytes changed = before;
      changed[i] ^= std::byte{0x80};
      EXPECT_FALSE(open_message(suite, keys, changed, sealed)) << i;
    }
  }
}

}  // namespace
}  // namespace gotthard::crypto
