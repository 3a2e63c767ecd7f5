// Every backend against libsodium's one-packet functions, called by themselves.
#include "crypto/aead.h"

#include <gtest/gtest.h>
#include <sodium.h>

#include <deque>

#include "crypto/bytes.h"
#include "tests/unit/crypto_testing.h"

namespace gotthard::crypto {
namespace {

using testing::array_of;
using testing::BackendTest;
using testing::Bytes;
using testing::Generator;

constexpr std::size_t kGuard = 8;
constexpr std::byte kGuardByte{0xa5};

// A packet in a buffer of its own: padding up to an alignment, text, tag, with guards around.
struct Packet {
  Packet(Generator& generator, std::size_t length, std::size_t aad_length, const Bytes& key)
      : plain(generator.bytes(length)),
        aad(generator.bytes(aad_length)),
        raw_key(key),
        nonce(array_of<12>(generator.bytes(12))),
        start(kGuard + generator.below(64)),
        buffer(start + length + 16 + kGuard, kGuardByte) {
    std::copy(plain.begin(), plain.end(), buffer.begin() + static_cast<std::ptrdiff_t>(start));
  }

  AeadJob job(const AeadKey& key) {
    return {.key = &key,
            .text = buffer.data() + start,
            .length = static_cast<std::uint32_t>(plain.size()),
            .aad_length = static_cast<std::uint32_t>(aad.size()),
            .nonce = nonce,
            .aad = aad.empty() ? nullptr : aad.data(),
            .tag = buffer.data() + start + plain.size()};
  }
  [[nodiscard]] Bytes text() const { return part(start, plain.size()); }
  [[nodiscard]] Bytes text_and_tag() const { return part(start, plain.size() + 16); }
  [[nodiscard]] bool guards_intact() const {
    return part(0, start) == Bytes(start, kGuardByte) &&
           part(buffer.size() - kGuard, kGuard) == Bytes(kGuard, kGuardByte);
  }
  [[nodiscard]] Bytes oracle() const {
    Bytes sealed(plain.size() + 16);
    crypto_aead_chacha20poly1305_ietf_encrypt(raw(sealed.data()), nullptr, raw(plain.data()),
                                              plain.size(), raw(aad.data()), aad.size(), nullptr,
                                              nonce.data(), raw(raw_key.data()));
    return sealed;
  }

  Bytes plain;
  Bytes aad;
  Bytes raw_key;
  std::array<std::uint8_t, 12> nonce;
  std::size_t start;
  Bytes buffer;

 private:
  [[nodiscard]] Bytes part(std::size_t offset, std::size_t count) const {
    const auto begin = buffer.begin() + static_cast<std::ptrdiff_t>(offset);
    return {begin, begin + static_cast<std::ptrdiff_t>(count)};
  }
};

constexpr std::size_t kKeys = 5;

class Aead : public BackendTest {
 protected:
  void SetUp() override {
    BackendTest::SetUp();
    if (IsSkipped()) {
      return;
    }
    for (std::size_t i = 0; i < kKeys; ++i) {
      raw_keys_.push_back(generator_.bytes(32));
      ASSERT_TRUE(engine().expand(Suite::chacha20_poly1305, raw_keys_[i], keys_[i]));
    }
  }

  // Keys are mixed within the batch.
  void add(std::size_t length, std::size_t aad_length) {
    packets_.emplace_back(generator_, length, aad_length, raw_keys_[packets_.size() % kKeys]);
  }
  const AeadKey& key_of(std::size_t packet) { return keys_[packet % kKeys]; }
  std::vector<AeadJob> jobs() {
    std::vector<AeadJob> result;
    for (std::size_t i = 0; i < packets_.size(); ++i) {
      result.push_back(packets_[i].job(key_of(i)));
    }
    return result;
  }
  // Seals all packets in one call, compares each with the oracle, opens them, and starts over.
  void check_batch() {
    const auto batch = jobs();
    engine().seal(batch);
    for (const Packet& packet : packets_) {
      ASSERT_EQ(packet.text_and_tag(), packet.oracle()) << packet.plain.size();
      ASSERT_TRUE(packet.guards_intact()) << packet.plain.size();
    }
    for (std::size_t first = 0; first < batch.size(); first += kMaxBatch) {
      const std::size_t count = std::min(kMaxBatch, batch.size() - first);
      ASSERT_EQ(engine().open(std::span(batch).subspan(first, count)), all(count));
    }
    for (const Packet& packet : packets_) {
      ASSERT_EQ(packet.text(), packet.plain) << packet.plain.size();
      ASSERT_TRUE(packet.guards_intact()) << packet.plain.size();
    }
    packets_.clear();
  }
  static std::uint64_t all(std::size_t count) {
    return count == 0 ? 0 : ~std::uint64_t{0} >> (64 - count);
  }

  Generator generator_{6};
  std::deque<Packet> packets_;

 private:
  std::vector<Bytes> raw_keys_;
  std::array<AeadKey, kKeys> keys_;
};
INSTANTIATE_TEST_SUITE_P(, Aead, ::testing::Values(Backend::portable, Backend::ipsec_mb),
                         testing::backend_test_name);

TEST_P(Aead, SaysItsName) {
  EXPECT_EQ(engine().backend_name(), GetParam() == Backend::portable ? "portable" : "ipsec_mb");
}

TEST_P(Aead, AllLengthsUpTo2048) {
  for (std::size_t length = 0; length <= 2048; ++length) {
    add(length, length % 65);
    if (packets_.size() == kMaxBatch) {
      ASSERT_NO_FATAL_FAILURE(check_batch());
    }
  }
  ASSERT_NO_FATAL_FAILURE(check_batch());
}

TEST_P(Aead, LargeLengths) {
  for (const std::size_t length : {2049, 3000, 4095, 4096, 4097, 8191, 8192, 8972, 9000}) {
    add(length, 16);
  }
  ASSERT_NO_FATAL_FAILURE(check_batch());
}

TEST_P(Aead, AllAadLengthsUpTo64) {
  for (const std::size_t length : {0, 1, 15, 16, 17, 64, 100}) {
    for (std::size_t aad_length = 0; aad_length <= 64; ++aad_length) {
      add(length, aad_length);
    }
    ASSERT_NO_FATAL_FAILURE(check_batch());
  }
}

TEST_P(Aead, AllBatchSizes) {
  for (std::size_t count = 0; count <= kMaxBatch; ++count) {
    for (std::size_t i = 0; i < count; ++i) {
      add(generator_.below(300), generator_.below(20));
    }
    ASSERT_NO_FATAL_FAILURE(check_batch());
  }
}

TEST_P(Aead, SealTakesMoreThanABatch) {
  for (std::size_t i = 0; i < 3 * kMaxBatch + 7; ++i) {
    add(generator_.below(1500), 0);
  }
  ASSERT_NO_FATAL_FAILURE(check_batch());
}

// A keepalive: nothing but a tag, and no associated data.
TEST_P(Aead, EmptyTextIsSealedToo) {
  AeadKey key;
  ASSERT_TRUE(engine().expand(Suite::chacha20_poly1305, Bytes(32), key));
  Bytes tag(16);
  const AeadJob job = {.key = &key, .text = tag.data(), .tag = tag.data()};
  engine().seal({&job, 1});
  EXPECT_EQ(engine().open({&job, 1}), 1u);
  tag[0] ^= std::byte{1};
  EXPECT_EQ(engine().open({&job, 1}), 0u);
}

TEST_P(Aead, RefusesAKeyOfAnotherLength) {
  AeadKey key;
  for (const std::size_t length : {0, 16, 31, 33}) {
    EXPECT_FALSE(engine().expand(Suite::chacha20_poly1305, Bytes(length), key)) << length;
  }
}

// In each batch some packets are changed in some way: exactly these are refused, the others open.
TEST_P(Aead, RefusesExactlyWhatWasChanged) {
  for (int round = 0; round < 200; ++round) {
    const std::size_t count = 1 + generator_.below(kMaxBatch);
    for (std::size_t i = 0; i < count; ++i) {
      add(generator_.below(200), 1 + generator_.below(64));
    }
    engine().seal(jobs());
    auto batch = jobs();
    std::uint64_t expected = all(count);
    for (std::size_t i = 0; i < count; ++i) {
      Packet& packet = packets_[i];
      const auto flip = static_cast<std::byte>(1 << generator_.below(8));
      switch (generator_.below(8)) {
        case 0:
          batch[i].tag[generator_.below(16)] ^= flip;
          break;
        case 1:
          packet.aad[generator_.below(packet.aad.size())] ^= flip;
          break;
        case 2:
          batch[i].nonce[generator_.below(12)] ^= static_cast<std::uint8_t>(flip);
          break;
        case 3:
          batch[i].key = &key_of(i + 1);
          break;
        case 4:
          --batch[i].aad_length;
          break;
        case 5:
          if (!packet.plain.empty()) {
            batch[i].text[generator_.below(packet.plain.size())] ^= flip;
            break;
          }
          continue;
        default:
          continue;
      }
      expected &= ~(std::uint64_t{1} << i);
    }
    ASSERT_EQ(engine().open(batch), expected);
    for (std::size_t i = 0; i < count; ++i) {
      if ((expected >> i & 1) != 0) {
        ASSERT_EQ(packets_[i].text(), packets_[i].plain);
      }
      ASSERT_TRUE(packets_[i].guards_intact());
    }
    packets_.clear();
  }
}

TEST_P(Aead, EachBitOfTheTagCounts) {
  for (std::size_t bit = 0; bit < 128; ++bit) {
    add(20, 4);
    engine().seal(jobs());
    const auto batch = jobs();
    batch[0].tag[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    EXPECT_EQ(engine().open(batch), 0u) << bit;
    packets_.clear();
  }
}

TEST_P(Aead, JobsBeyondABatchAreNotAuthentic) {
  for (std::size_t i = 0; i < kMaxBatch + 3; ++i) {
    add(40, 0);
  }
  engine().seal(jobs());
  EXPECT_EQ(engine().open(jobs()), all(kMaxBatch));
  EXPECT_EQ(packets_.back().text_and_tag(), packets_.back().oracle()) << "left as it was";
  packets_.clear();
}

TEST(AeadEngine, PortableZeroesARefusedText) {
  auto engine = AeadEngine::create(Backend::portable);
  ASSERT_TRUE(engine);
  Generator generator(7);
  AeadKey key;
  const Bytes raw_key = generator.bytes(32);
  ASSERT_TRUE(engine->expand(Suite::chacha20_poly1305, raw_key, key));
  Packet packet(generator, 100, 0, raw_key);
  const AeadJob job = packet.job(key);
  engine->seal({&job, 1});
  packet.buffer[packet.start] ^= std::byte{1};
  EXPECT_EQ(engine->open({&job, 1}), 0u);
  EXPECT_EQ(packet.text(), Bytes(100));
}

TEST(AeadEngine, AutomaticTakesTheFastestThatRuns) {
  const auto automatic = AeadEngine::create(Backend::automatic);
  ASSERT_TRUE(automatic);
  const auto ipsec_mb = AeadEngine::create(Backend::ipsec_mb);
  EXPECT_EQ(automatic->backend_name(), ipsec_mb ? "ipsec_mb" : "portable");
}

}  // namespace
}  // namespace gotthard::crypto
