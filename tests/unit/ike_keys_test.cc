// Key derivation against vectors, and messages under keys.
#include <gtest/gtest.h>

#include "control/ike/keys/derive.h"
#include "control/ike/keys/protection.h"
#include "tests/unit/ike_testing.h"
#include "tests/vectors/ike_keys.h"

namespace gotthard::ike::testing {
namespace {

using crypto::SecretBytes;

SecretBytes secret(std::string_view digits) { return SecretBytes::copy_of(hex(digits)); }

std::string joined(std::initializer_list<const SecretBytes*> parts) {
  std::string text;
  for (const SecretBytes* part : parts) {
    text += to_hex(part->bytes());
  }
  return text;
}

std::string joined(const IkeKeys& keys) {
  return joined({&keys.d, &keys.initiator.integrity, &keys.responder.integrity,
                 &keys.initiator.encryption, &keys.responder.encryption, &keys.p_initiator,
                 &keys.p_responder});
}

std::string joined(const ChildKeys& keys) {
  return joined({&keys.initiator.encryption, &keys.initiator.integrity, &keys.responder.encryption,
                 &keys.responder.integrity});
}

// NIST, component validation of SP 800-135: IKEv2 with HMAC-SHA-256.
struct Nist {
  static constexpr std::string_view ni =
      "0a58fea9c1d4fee2e74e1aad6fb02dd5f318eb127465a112be8dc3c04d5dba62eae708f9dc1b2362afd6ba4bda3c"
      "f5000f4979fbcbadbcfda9291593829c4e905c21db0c2ee15175ce77a8a0dadf25c7f175bc53fd91b636a9b3c50b"
      "203de9b9d6dc463dcb4048f101e26498ceaed3afbcd931394a7e099392dfff82e5d6fa85c2e8a8ab90ad363a6679"
      "5dc32798847e405acd87988140f973058917273a6b0bafb962c75e2b1a21e79c08beeb82168bf8b4b57f3dce867b"
      "f7862a7b8acbc21be838021913daf64340c055ed17aaf7b6e1d0ca33ae890ddbdb83f4e615aad5e3bff58c3db70b"
      "ac81a0dfbabe5391fc62bca4659e22a0741e01d8d06e67d9bb41";
  static constexpr std::string_view nr =
      "e4fdfa68df6171d9eaff8b7b5ad31e7c6098d259f3397c9854cbefe7449b0864c1df16ddece8b26567560f8d5918"
      "2a44c19149c2d0d72606a160021ade3d23c7c6936c91a4b6bec37adf38cfc84b851c68dcee06f81306f63abbefc0"
      "7e231e3058c49437a557df617eac01663593d2a3e594699284c0a35eae6931492ccb2a43db72a600a3899205d681"
      "d2b76b1280e456339bb10e0c584aecfdae31c77a4c40dbcb345f782ac32835d4c220c1e97254ded6a40075dd717b"
      "00b69c86a49e801773026536ae02d58a649827f1ba67610ee936dffd11c9d5a9156631916a0a0046ec0ba42f56f2"
      "a18de83d5d71a985b0cc9eec2c06b3d907ca58454419f374069d";
  static constexpr std::string_view gir =
      "9d469de41b4739c7dd01f19aa94f17e48150ae9dbede94832142db19";
  static constexpr std::string_view gir_new =
      "c2987b0767006c3b9aea491bfed1646a3d7194639492b8d45b23b383";
  static constexpr IkeSpi spi_i = 0xc8de93111750e409;
  static constexpr IkeSpi spi_r = 0x32d51b33508997fa;
  static constexpr std::string_view skeyseed =
      "eec13ac67c2e072abb684ab4e7b6ce3e7f400af8b96bed48e113497ed337f8d4";
  static constexpr std::string_view dkm =
      "bc83518f63b762874ac57947cdfae33a8d9724df0b83ee4b6df38c23fc2ad829f4d70b5a68dd1f5a52416f097586"
      "38aedf919c09a17c5298cdb703bb75b1005cba0109739aaa4efd2fe7534c95ad05e546e4419931270eddcab68ac1"
      "589d7fde47f5b9e8d5b614cb24ec3caf515497a9e99ee6f1b318ff153b539ef071dcaff9b41945dcb780700d69e5"
      "dc888a91de195c52825badfd0ab4c33cec71ab5c2b4badefe5455455ce5d8ae91721a2091bcccc1514e69482c9c8"
      "da1d9f0f187eedda916393570a8c0a8dfabc26d8ed31e8ea47662515972a22d11d692bc1fac6395aecd82a01ab78"
      "daaf";
  static constexpr std::string_view dkm_child =
      "c725012285d56e53244a9baaaf95abfca543708d333a3f3a86ba660e00edd4d489bcd631819fda0413382edd9f53"
      "d1ed718e056c2ad91d38de90f06cd434de70141d051c021e7ddd6e4137946b4770dca59a4decabdd866852eb557f"
      "dd995646613ff2923f5f23aa58c8fbd5ad52cf2eac9bda97faad5596695f4a747a0f1cc6";
  static constexpr std::string_view dkm_child_dh =
      "140a1f2a3c94318ece6edfa8c63f37d8d45982de8b6cbfe34011150db0253e34de3796d4aa579954a0bbf234794e"
      "b6e7ece2a8f91100f5507df4ee8e66c7813d4c0ff64d484a3494c54b0d9c605ea24234a49a010ce5c352feb9e106"
      "0c8c787229466296cdc9d11bb9d221ed2bb39544572464254ec02a0fbe777b07402c775e";
  static constexpr std::string_view skeyseed_rekey =
      "05f796c8df322a7e33283ae5fa2f376d8d5efa0ac3745fc548e430031424c121";
};

TEST(IkeKeys, VectorsOfNist) {
  const Buffer ni = hex(Nist::ni);
  const Buffer nr = hex(Nist::nr);
  const Nonces nonces{ni, nr};
  const PrfId prf = PrfId::hmac_sha2_256;
  const SecretBytes seed = skeyseed(prf, nonces, secret(Nist::gir));
  EXPECT_EQ(to_hex(seed.bytes()), Nist::skeyseed);

  const IkeSuite suite{EncryptionId::aes_cbc, 256, IntegrityId::hmac_sha2_256_128, prf};
  const IkeKeys keys = derive_ike_keys(suite, seed, nonces, {Nist::spi_i, Nist::spi_r});
  const std::string all = joined(keys);
  EXPECT_EQ(all.size(), 2U * 7 * 32);
  EXPECT_EQ(all, Nist::dkm.substr(0, all.size()));

  const EspSuite esp{EncryptionId::aes_cbc, 256, IntegrityId::hmac_sha2_256_128};
  const std::string child = joined(derive_child_keys(prf, keys.d, esp, nonces, {}));
  EXPECT_EQ(child, Nist::dkm_child.substr(0, child.size()));
  const SecretBytes fresh[] = {secret(Nist::gir_new)};
  const std::string with_pfs = joined(derive_child_keys(prf, keys.d, esp, nonces, fresh));
  EXPECT_EQ(with_pfs, Nist::dkm_child_dh.substr(0, with_pfs.size()));
  EXPECT_EQ(to_hex(skeyseed_of_rekey(prf, keys.d, nonces, fresh).bytes()), Nist::skeyseed_rekey);
}

TEST(IkeKeys, EachPrfAndFurtherExchanges) {
  const IkeSuite suites[] = {
      {EncryptionId::aes_cbc, 256, IntegrityId::hmac_sha2_256_128, PrfId::hmac_sha2_256},
      {EncryptionId::aes_cbc, 256, IntegrityId::hmac_sha2_384_192, PrfId::hmac_sha2_384},
      {EncryptionId::aes_cbc, 256, IntegrityId::hmac_sha2_512_256, PrfId::hmac_sha2_512}};
  for (std::size_t i = 0; i < std::size(suites); ++i) {
    const vectors::Keys& vector = vectors::kKeys[i];
    SCOPED_TRACE(vector.name);
    const Buffer ni = hex(vector.ni);
    const Buffer nr = hex(vector.nr);
    const Nonces nonces{ni, nr};
    const PrfId prf = suites[i].prf;
    const SecretBytes seed = skeyseed(prf, nonces, secret(vector.shared));
    EXPECT_EQ(to_hex(seed.bytes()), vector.skeyseed);
    const IkeKeys keys =
        derive_ike_keys(suites[i], seed, nonces, {vectors::kSpiInitiator, vectors::kSpiResponder});
    EXPECT_EQ(joined(keys), vector.ike);
    const SecretBytes secrets[] = {secret(vector.rekey_shared), secret(vector.rekey_further)};
    const std::span all(secrets);
    EXPECT_EQ(to_hex(skeyseed_of_rekey(prf, keys.d, nonces, all.first(1)).bytes()),
              vector.rekey_skeyseed);
    EXPECT_EQ(to_hex(skeyseed_of_rekey(prf, keys.d, nonces, all).bytes()),
              vector.rekey_skeyseed_further);
    const EspSuite esp{EncryptionId::aes_gcm_16, 256};
    EXPECT_EQ(joined(derive_child_keys(prf, keys.d, esp, nonces, {})),
              vector.child.substr(0, 4 * 36));
    EXPECT_EQ(joined(derive_child_keys(prf, keys.d, esp, nonces, all.first(1))),
              vector.child_pfs.substr(0, 4 * 36));
    EXPECT_EQ(joined(derive_child_keys(prf, keys.d, esp, nonces, all)),
              vector.child_further.substr(0, 4 * 36));
  }
}

TEST(IkeKeys, SizesByAlgorithm) {
  const auto sizes = [](const EspSuite& suite) {
    return std::pair(suite.encryption_key_size(), suite.integrity_key_size());
  };
  using Pair = std::pair<std::size_t, std::size_t>;
  EXPECT_EQ(sizes({EncryptionId::aes_gcm_16, 128}), Pair(20, 0));
  EXPECT_EQ(sizes({EncryptionId::aes_gmac, 256}), Pair(36, 0));
  EXPECT_EQ(sizes({EncryptionId::chacha20_poly1305, 256}), Pair(36, 0));
  EXPECT_EQ(sizes({EncryptionId::aes_cbc, 192, IntegrityId::hmac_sha2_512_256}), Pair(24, 64));
}

class IkeProtection : public ::testing::Test {
 protected:
  explicit IkeProtection() { fill(); }
  void fill() {
    keys_.encryption = SecretBytes(suite_.encryption_key_size());
    keys_.integrity = SecretBytes(suite_.integrity_key_size());
  }
  NextIv iv() {
    return [this](std::size_t size) {
      Buffer bytes(size);
      bytes.back() = static_cast<std::byte>(++ivs_);
      return bytes;
    };
  }
  static ChainWriter chain_of(std::size_t size) {
    ChainWriter chain;
    Buffer bytes(size);
    for (std::size_t i = 0; i < size; ++i) {
      bytes[i] = static_cast<std::byte>(i);
    }
    add_vendor_id(chain, bytes);
    return chain;
  }
  static void add_vendor_id(ChainWriter& chain, Bytes bytes) {
    chain.add(PayloadType::vendor_id, [&](Writer& writer) { writer.bytes(bytes); });
  }
  // The chain that the datagrams hold.
  std::optional<Buffer> opened(const std::vector<Buffer>& datagrams) {
    Reassembly reassembly;
    for (const Buffer& datagram : datagrams) {
      const auto header = parse_header(datagram);
      EXPECT_TRUE(header);
      const auto raw = parse_chain(header->next_payload, Bytes(datagram).subspan(Header::kSize));
      EXPECT_TRUE(raw);
      const auto sealed = parse_sealed(raw->front());
      EXPECT_TRUE(sealed);
      const auto text = open(suite_, keys_, datagram, *sealed);
      if (!text || !sealed->is_fragment()) {
        return text;
      }
      if (auto whole = reassembly.add(*sealed, *text)) {
        EXPECT_EQ(whole->first_inside, PayloadType::vendor_id);
        return std::move(whole->chain);
      }
    }
    return std::nullopt;
  }

  crypto::MessageSuite suite_;
  crypto::MessageKeys keys_;
  int ivs_ = 0;
  Header header_{.spi_initiator = 1, .spi_responder = 2, .exchange = ExchangeType::ike_auth};
};

TEST_F(IkeProtection, WholeMessagesAndFragmentsOfEachLength) {
  using crypto::MessageAlgorithm;
  for (const crypto::MessageSuite& suite :
       {crypto::MessageSuite{MessageAlgorithm::aes_gcm_16, 16},
        crypto::MessageSuite{MessageAlgorithm::chacha20_poly1305, 32},
        crypto::MessageSuite{MessageAlgorithm::aes_cbc, 32, crypto::Digest::sha384}}) {
    suite_ = suite;
    fill();
    for (std::size_t size = 0; size < 400; ++size) {
      const ChainWriter chain = chain_of(size);
      for (const std::size_t limit : {std::size_t{0}, std::size_t{150}, std::size_t{300}}) {
        const auto datagrams = seal(suite_, keys_, header_, chain, iv(), limit);
        ASSERT_TRUE(datagrams);
        for (const Buffer& datagram : *datagrams) {
          EXPECT_TRUE(limit == 0 || datagram.size() <= limit);
        }
        EXPECT_EQ(opened(*datagrams), chain.bytes());
      }
    }
  }
}

TEST_F(IkeProtection, FragmentsFillWhatTheyMay) {
  const auto datagrams = seal(suite_, keys_, header_, chain_of(2000), iv(), 500);
  ASSERT_TRUE(datagrams);
  EXPECT_EQ(datagrams->size(), 5U);
  EXPECT_EQ(datagrams->front().size(), 500U);
  EXPECT_EQ(ivs_, 5) << "each has its own";
}

TEST_F(IkeProtection, WhatDoesNotFitIsNotSent) {
  EXPECT_FALSE(seal(suite_, keys_, header_, chain_of(2000), iv(), 61));
  EXPECT_FALSE(seal(suite_, keys_, header_, chain_of(60000), iv(), 500)) << "too many fragments";
  EXPECT_FALSE(seal(suite_, keys_, header_, chain_of(65530), iv(), 0)) << "beyond the length field";
  EXPECT_TRUE(seal(suite_, keys_, header_, chain_of(60000), iv(), 600));
}

TEST_F(IkeProtection, HeaderAndFragmentNumbersAreAuthentic) {
  const auto datagrams = seal(suite_, keys_, header_, chain_of(300), iv(), 200);
  ASSERT_TRUE(datagrams);
  for (const std::size_t at : {std::size_t{0}, std::size_t{20}, std::size_t{35}}) {
    auto changed = *datagrams;
    changed.front()[at] ^= std::byte{2};
    const auto raw =
        parse_chain(PayloadType::encrypted_fragment, Bytes(changed.front()).subspan(Header::kSize));
    const auto sealed = parse_sealed(raw->front());
    ASSERT_TRUE(sealed) << at;
    EXPECT_FALSE(open(suite_, keys_, changed.front(), *sealed)) << at;
  }
}

}  // namespace
}  // namespace gotthard::ike::testing
