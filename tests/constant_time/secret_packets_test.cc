// Packets by the portable backend: keys and texts are secret.
#include <algorithm>
#include <array>

#include "crypto/aead.h"
#include "tests/constant_time/secret_memory.h"

namespace gotthard::constant_time {
namespace {

using crypto::AeadEngine;
using crypto::AeadJob;
using crypto::AeadKey;
using crypto::Suite;

class SecretPackets : public SecretMemory, public testing::WithParamInterface<std::size_t> {
 protected:
  static constexpr std::array<std::size_t, 6> kLengths{0, 1, 16, 63, 304, 1424};
  static constexpr std::size_t kHead = 24;  // of ESP: its header and an IV of CBC

  struct Packet {
    Packet(const AeadKey& key, std::size_t length, int number)
        : plain(public_bytes(length, number)), bytes(kHead + length + crypto::kMaxTagSize) {
      std::ranges::copy(plain, bytes.begin() + kHead);
      job = {.key = &key,
             .text = &bytes[kHead],
             .length = static_cast<std::uint32_t>(length),
             .aad_length = static_cast<std::uint32_t>(kAad.size()),
             .aad = kAad.data(),
             .tag = &bytes[kHead + length]};
      job.nonce.fill(static_cast<std::uint8_t>(number));
      make_secret(text());
    }
    [[nodiscard]] std::span<std::byte> text() const { return {job.text, job.length}; }
    [[nodiscard]] std::span<std::byte> tag() const {
      return {job.tag, crypto::tag_size(job.key->suite())};
    }

    std::vector<std::byte> plain;
    std::vector<std::byte> bytes;
    AeadJob job;
  };
  static constexpr std::array<std::byte, 8> kAad{};

  // The verdicts are public: a receiver drops what he refuses.
  std::uint64_t open(std::span<const AeadJob> jobs) { return declassified(engine_->open(jobs)); }

  Suite suite_ = static_cast<Suite>(GetParam());
  Result<AeadEngine> engine_ = AeadEngine::create(crypto::Backend::portable);
};

TEST_P(SecretPackets, SealedAndOpened) {
  ASSERT_TRUE(engine_);
  const auto raw_key = secret_bytes(crypto::key_size(suite_), 1);
  AeadKey key;
  ASSERT_TRUE(engine_->expand(suite_, raw_key.bytes(), key));
  std::vector<Packet> packets;
  for (const std::size_t length : kLengths) {
    packets.emplace_back(key,
                         length / crypto::text_alignment(suite_) * crypto::text_alignment(suite_),
                         static_cast<int>(packets.size()));
  }
  std::vector<AeadJob> jobs;
  for (const Packet& packet : packets) {
    jobs.push_back(packet.job);
  }
  engine_->seal(jobs);
  for (const Packet& packet : packets) {
    EXPECT_TRUE(is_secret(packet.tag())) << "valgrind lost sight of the key";
    // It goes onto the wire.
    declassify(packet.bytes);
  }
  EXPECT_EQ(open(jobs), (std::uint64_t{1} << jobs.size()) - 1);
  for (const Packet& packet : packets) {
    const auto text = packet.text();
    if (crypto::family_of(suite_) != crypto::Family::aes_gmac) {
      EXPECT_EQ(is_secret(text), !text.empty()) << "valgrind lost sight of the key";
    }
    declassify(text);
    EXPECT_TRUE(std::ranges::equal(text, packet.plain));
  }
}

TEST_P(SecretPackets, ForgedAndRefused) {
  ASSERT_TRUE(engine_);
  const auto raw_key = secret_bytes(crypto::key_size(suite_), 2);
  AeadKey key;
  ASSERT_TRUE(engine_->expand(suite_, raw_key.bytes(), key));
  std::vector<Packet> packets;
  for (int i = 0; i < 2; ++i) {
    packets.emplace_back(key, 304, i);
  }
  const std::array jobs{packets[0].job, packets[1].job};
  engine_->seal(jobs);
  for (const Packet& packet : packets) {
    declassify(packet.bytes);
  }
  packets[0].tag().front() ^= std::byte{1};
  packets[1].tag().back() ^= std::byte{0x80};
  EXPECT_EQ(open(jobs), 0U);
}

std::string name_of(const testing::TestParamInfo<std::size_t>& info) {
  static constexpr std::array<const char*, 4> kFamilies{"ChaCha20Poly1305", "AesGcm", "AesGmac",
                                                        "AesCbcHmac"};
  const auto suite = static_cast<Suite>(info.param);
  return std::string(kFamilies[static_cast<std::size_t>(crypto::family_of(suite))]) +
         std::to_string(8 * crypto::cipher_key_size(suite)) + '_' +
         std::to_string(8 * crypto::tag_size(suite));
}
INSTANTIATE_TEST_SUITE_P(Suites, SecretPackets, testing::Range(std::size_t{0}, crypto::kSuites),
                         name_of);

}  // namespace
}  // namespace gotthard::constant_time
