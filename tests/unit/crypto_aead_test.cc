// Every backend and suite against one-packet functions of libsodium and OpenSSL, called by
// themselves.
#include "crypto/aead.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <optional>

#include "crypto/wide/cpu.h"
#include "tests/unit/crypto_packets.h"

namespace gotthard::crypto {
namespace {

using testing::all_suites;
using testing::BackendTest;
using testing::Batch;
using testing::Bytes;
using testing::Generator;
using testing::Packet;

const auto kBackends = ::testing::ValuesIn(testing::all_backends());

class Aead : public ::testing::TestWithParam<std::tuple<Backend, Suite>> {
 protected:
  void SetUp() override {
    Result<AeadEngine> engine = AeadEngine::create(std::get<Backend>(GetParam()));
    if (!engine) {
      GTEST_SKIP() << engine.error().message;
    }
    engine_.emplace(std::move(*engine));
    batch_.emplace(*engine_, std::vector{suite()}, 5);
  }
  [[nodiscard]] static Suite suite() { return std::get<Suite>(GetParam()); }
  [[nodiscard]] static bool is_cbc() { return family_of(suite()) == Family::aes_cbc_hmac; }
  AeadEngine& engine() { return *engine_; }
  Batch& batch() { return *batch_; }

 private:
  std::optional<AeadEngine> engine_;
  std::optional<Batch> batch_;
};
std::string aead_test_name(const ::testing::TestParamInfo<std::tuple<Backend, Suite>>& test) {
  return std::string(name_of(std::get<Backend>(test.param))) + "_" +
         testing::name_of(std::get<Suite>(test.param));
}
INSTANTIATE_TEST_SUITE_P(, Aead, ::testing::Combine(kBackends, ::testing::ValuesIn(all_suites())),
                         aead_test_name);

TEST_P(Aead, AllLengthsUpTo2048) {
  for (std::size_t length = 0; length <= 2048; length += text_alignment(suite())) {
    batch().add(length, length % 65);
    if (batch().packets.size() == kMaxBatch) {
      ASSERT_NO_FATAL_FAILURE(batch().check());
    }
  }
  ASSERT_NO_FATAL_FAILURE(batch().check());
}

TEST_P(Aead, LargeLengths) {
  for (const std::size_t length : {2049, 3000, 4095, 4096, 4097, 8191, 8192, 8972, 9000, 65504}) {
    batch().add(length, 12);
    batch().add(length, 13);
  }
  ASSERT_NO_FATAL_FAILURE(batch().check());
}

TEST_P(Aead, AllAadLengthsUpTo64) {
  for (const std::size_t length : {0, 1, 15, 16, 17, 64, 100}) {
    for (std::size_t aad_length = 0; aad_length <= 64; ++aad_length) {
      batch().add(length, aad_length);
    }
    ASSERT_NO_FATAL_FAILURE(batch().check());
  }
}

TEST_P(Aead, AllBatchSizes) {
  for (std::size_t count = 0; count <= kMaxBatch; ++count) {
    for (std::size_t i = 0; i < count; ++i) {
      batch().add(batch().generator.below(300), batch().generator.below(20));
    }
    ASSERT_NO_FATAL_FAILURE(batch().check());
  }
}

TEST_P(Aead, SealTakesMoreThanABatch) {
  for (std::size_t i = 0; i < 3 * kMaxBatch + 7; ++i) {
    batch().add(batch().generator.below(1500), 0);
  }
  ASSERT_NO_FATAL_FAILURE(batch().check());
}

TEST_P(Aead, RefusesAKeyOfAnotherLength) {
  AeadKey key;
  const std::size_t size = key_size(suite());
  for (const std::size_t length : {std::size_t{0}, size - 1, size + 1, size + 16}) {
    EXPECT_FALSE(engine().expand(suite(), Bytes(length), key)) << length;
  }
}

// In each batch some packets are changed in some way: exactly these are refused, the others open.
TEST_P(Aead, RefusesExactlyWhatWasChanged) {
  Generator& generator = batch().generator;
  for (int round = 0; round < 200; ++round) {
    const std::size_t count = 1 + generator.below(kMaxBatch);
    for (std::size_t i = 0; i < count; ++i) {
      batch().add(generator.below(200), 1 + generator.below(64));
    }
    engine().seal(batch().jobs());
    auto jobs = batch().jobs();
    std::uint64_t expected = Batch::all(count);
    for (std::size_t i = 0; i < count; ++i) {
      Packet& packet = batch().packets[i];
      const auto flip = static_cast<std::byte>(1 << generator.below(8));
      switch (generator.below(8)) {
        case 0:
          jobs[i].tag[generator.below(tag_size(suite()))] ^= flip;
          break;
        case 1:
          packet.aad[generator.below(packet.aad.size())] ^= flip;
          break;
        case 2:
          if (is_cbc()) {  // whose nonce is on the wire, as the IV
            (jobs[i].text - kMaxIvSize)[generator.below(kMaxIvSize)] ^= flip;
          } else {
            jobs[i].nonce[generator.below(12)] ^= static_cast<std::uint8_t>(flip);
          }
          break;
        case 3:
          jobs[i].key = &batch().key_of(i + 1);
          break;
        case 4:
          --jobs[i].aad_length;
          break;
        case 5:
          if (!packet.plain.empty()) {
            jobs[i].text[generator.below(packet.plain.size())] ^= flip;
            break;
          }
          continue;
        default:
          continue;
      }
      expected &= ~(std::uint64_t{1} << i);
    }
    ASSERT_EQ(engine().open(jobs), expected);
    for (std::size_t i = 0; i < count; ++i) {
      if ((expected >> i & 1) != 0) {
        ASSERT_EQ(batch().packets[i].text(), batch().packets[i].plain);
      }
      ASSERT_TRUE(batch().packets[i].surroundings_intact());
    }
    batch().packets.clear();
  }
}

TEST_P(Aead, EachBitOfTheTagCounts) {
  for (std::size_t bit = 0; bit < tag_size(suite()) * 8; ++bit) {
    batch().add(20, 4);
    engine().seal(batch().jobs());
    const auto jobs = batch().jobs();
    jobs[0].tag[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    EXPECT_EQ(engine().open(jobs), 0u) << bit;
    batch().packets.clear();
  }
}

// What lies before a text and after its tag may belong to nobody: pages without access tell.
// CBC's header and IV lie before the text.
class AeadAtEdges : public Aead {};
INSTANTIATE_TEST_SUITE_P(
    , AeadAtEdges,
    ::testing::Combine(kBackends,
                       ::testing::Values(Suite::chacha20_poly1305, Suite::aes128_gcm,
                                         Suite::aes192_gcm, Suite::aes256_gcm, Suite::aes128_gmac)),
    aead_test_name);

TEST_P(AeadAtEdges, TouchesNothingBesideThePacket) {
  constexpr std::size_t kPage = 4096;
  constexpr std::size_t kPages = 4;  // the middle two can be used
  auto* memory = static_cast<std::byte*>(
      mmap(nullptr, kPages * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(memory, MAP_FAILED);
  ASSERT_EQ(mprotect(memory + kPage, 2 * kPage, PROT_READ | PROT_WRITE), 0);
  std::byte* const begin = memory + kPage;
  std::byte* const end = begin + 2 * kPage;
  const Bytes aad = batch().generator.bytes(64);
  for (std::size_t length = 0; length <= 1500; length += length < 300 ? 1 : 37) {
    for (const std::size_t count : {1, 4, 9}) {
      for (const bool at_end : {true, false}) {
        // The packet at the edge is one of several; all others lie in memory of their own.
        std::vector<Bytes> others(count, Bytes(length + 16));
        std::vector<AeadJob> jobs;
        for (std::size_t i = 0; i < count; ++i) {
          std::byte* text = i != count / 2 ? others[i].data() : at_end ? end - length - 16 : begin;
          const std::size_t aad_length = length % 13;
          jobs.push_back({.key = &batch().key_of(i),
                          .text = text,
                          .length = static_cast<std::uint32_t>(length),
                          .aad_length = static_cast<std::uint32_t>(aad_length),
                          .aad = aad.data() + aad.size() - aad_length,
                          .tag = text + length});
        }
        engine().seal(jobs);
        ASSERT_EQ(engine().open(jobs), Batch::all(count)) << length;
      }
    }
  }
  munmap(memory, kPages * kPage);
}

TEST_P(Aead, JobsBeyondABatchAreNotAuthentic) {
  for (std::size_t i = 0; i < kMaxBatch + 3; ++i) {
    batch().add(40, 0);
  }
  engine().seal(batch().jobs());
  EXPECT_EQ(engine().open(batch().jobs()), Batch::all(kMaxBatch));
  const Packet& last = batch().packets.back();
  EXPECT_EQ(last.iv_text_and_tag(), last.expected()) << "left as it was";
}

class AeadOfBackend : public BackendTest {};
INSTANTIATE_TEST_SUITE_P(, AeadOfBackend, kBackends, testing::backend_test_name);

TEST_P(AeadOfBackend, SaysItsName) { EXPECT_EQ(engine().backend_name(), name_of(GetParam())); }

TEST_P(AeadOfBackend, MixesSuitesInABatch) {
  Batch batch(engine(), all_suites(), 2);
  for (std::size_t round = 0; round < 100; ++round) {
    for (std::size_t i = batch.generator.below(kMaxBatch + 1); i > 0; --i) {
      batch.add(batch.generator.below(1600), batch.generator.below(33));
    }
    ASSERT_NO_FATAL_FAILURE(batch.check());
  }
}

// A keepalive: nothing but a tag, and no associated data.
TEST_P(AeadOfBackend, EmptyTextIsSealedToo) {
  for (const Suite suite : {Suite::chacha20_poly1305, Suite::aes256_gcm, Suite::aes128_gmac}) {
    AeadKey key;
    ASSERT_TRUE(engine().expand(suite, Bytes(key_size(suite)), key));
    Bytes tag(16);
    const AeadJob job = {.key = &key, .text = tag.data(), .tag = tag.data()};
    engine().seal({&job, 1});
    EXPECT_EQ(engine().open({&job, 1}), 1u);
    tag[0] ^= std::byte{1};
    EXPECT_EQ(engine().open({&job, 1}), 0u);
  }
}

// A context that expands keys as they come (portable) must not take one for another that lies in
// its place now.
TEST_P(AeadOfBackend, KeyReplacedInPlaceIsUsed) {
  Generator generator(8);
  for (const Suite suite : all_suites()) {
    AeadKey key;
    for (int i = 0; i < 3; ++i) {
      const Bytes raw_key = generator.bytes(key_size(suite));
      ASSERT_TRUE(engine().expand(suite, raw_key, key));
      Packet packet(generator, suite, raw_key, 64, 8);
      const AeadJob job = packet.job(key);
      engine().seal({&job, 1});
      EXPECT_EQ(packet.iv_text_and_tag(), packet.expected());
      EXPECT_EQ(engine().open({&job, 1}), 1u);
    }
  }
}

// Encrypt-then-MAC, verified first: CBC's padding tells nobody anything.
TEST_P(AeadOfBackend, CbcDecryptsNothingThatItRefuses) {
  Generator generator(9);
  const Suite suite = Suite::aes256_cbc_hmac_sha512_256;
  const Bytes raw_key = generator.bytes(key_size(suite));
  AeadKey key;
  ASSERT_TRUE(engine().expand(suite, raw_key, key));
  Packet packet(generator, suite, raw_key, 160, 12);
  AeadJob job = packet.job(key);
  engine().seal({&job, 1});
  job.tag[31] ^= std::byte{0x80};
  const Bytes sealed = packet.text();
  EXPECT_EQ(engine().open({&job, 1}), 0u);
  EXPECT_EQ(packet.text(), GetParam() == Backend::portable ? Bytes(160) : sealed);
}

TEST_P(AeadOfBackend, CbcRefusesLengthsThatItHasNoMeaningFor) {
  const Suite suite = Suite::aes128_cbc_hmac_sha256_128;
  AeadKey key;
  ASSERT_TRUE(engine().expand(suite, Bytes(key_size(suite)), key));
  Bytes buffer(66000);
  const Bytes aad(64);
  for (const auto& [length, aad_length] : std::vector<std::pair<std::uint32_t, std::uint32_t>>{
           {15, 8}, {17, 12}, {16, 0}, {16, 11}, {16, 16}, {65520, 8}}) {
    const AeadJob job = {.key = &key,
                         .text = &buffer[24],
                         .length = length,
                         .aad_length = aad_length,
                         .aad = aad.data(),
                         .tag = &buffer[24 + length]};
    EXPECT_EQ(engine().open({&job, 1}), 0u) << length << " " << aad_length;
    EXPECT_DEATH(engine().seal({&job, 1}), "AES-CBC with HMAC: the length");
  }
}

TEST(AeadEngine, PortableZeroesARefusedText) {
  auto engine = AeadEngine::create(Backend::portable);
  ASSERT_TRUE(engine);
  Generator generator(7);
  for (const Suite suite : all_suites()) {
    AeadKey key;
    const Bytes raw_key = generator.bytes(key_size(suite));
    ASSERT_TRUE(engine->expand(suite, raw_key, key));
    Packet packet(generator, suite, raw_key, 112, 8);
    const AeadJob job = packet.job(key);
    engine->seal({&job, 1});
    packet.buffer[packet.start] ^= std::byte{1};
    EXPECT_EQ(engine->open({&job, 1}), 0u);
    EXPECT_EQ(packet.text(), Bytes(112));
  }
}

// By our own kernels, where they are the ones that decrypted it.
TEST(AeadEngine, KernelsZeroARefusedText) {
  for (const Backend backend : {Backend::avx2, Backend::avx512}) {
    auto engine = AeadEngine::create(backend);
    if (!engine) {
      continue;
    }
    for (const Suite suite : {Suite::chacha20_poly1305, Suite::aes128_gcm, Suite::aes256_gcm}) {
      Batch batch(*engine, {suite}, 2);
      for (std::size_t i = 0; i < 12; ++i) {
        batch.add(100 + 50 * i, 8);
      }
      engine->seal(batch.jobs());
      const auto jobs = batch.jobs();
      jobs[5].tag[3] ^= std::byte{4};
      jobs[9].text[70] ^= std::byte{4};
      EXPECT_EQ(engine->open(jobs), Batch::all(12) & ~(1U << 5 | 1U << 9));
      EXPECT_EQ(batch.packets[5].text(), Bytes(350));
      EXPECT_EQ(batch.packets[9].text(), Bytes(550));
      EXPECT_EQ(batch.packets[8].text(), batch.packets[8].plain);
    }
  }
}

// A backend that computes wrong results is no reason to skip its tests.
TEST(AeadBackends, RunWhereTheCpuHasWhatTheyTake) {
  EXPECT_TRUE(AeadEngine::create(Backend::portable));
  EXPECT_TRUE(AeadEngine::create(Backend::ipsec_mb));
  EXPECT_EQ(AeadEngine::create(Backend::avx2).has_value(), wide::has_avx2());
  EXPECT_EQ(AeadEngine::create(Backend::avx512).has_value(), wide::has_avx512());
}

// As on a CPU that has AVX2 and no VAES: keys are the library's, and so are packets.
TEST(WideAead, WithoutVaesTheLibraryDoesGcm) {
  if (!wide::has_avx2()) {
    GTEST_SKIP() << "this CPU has no AVX2 and BMI2";
  }
  auto aead = WideAead::create(WideAead::Width::avx2, false);
  auto library = IpsecMbAead::create(IpsecMbAead::Widest::avx2);
  ASSERT_TRUE(aead) << aead.error().message;
  ASSERT_TRUE(library) << library.error().message;
  Generator generator(10);
  const Bytes raw_key = generator.bytes(16);
  AeadKey key;
  aead->expand(Suite::aes128_gcm, raw_key, key);
  std::deque<Packet> packets;
  std::vector<AeadJob> jobs;
  for (std::size_t i = 0; i < 20; ++i) {
    jobs.push_back(packets.emplace_back(generator, Suite::aes128_gcm, raw_key, 97 * i, 8).job(key));
  }
  aead->seal(jobs);
  for (const Packet& packet : packets) {
    EXPECT_EQ(packet.iv_text_and_tag(), packet.expected());
  }
  EXPECT_EQ(library->open(jobs), Batch::all(20));
  EXPECT_FALSE(WideAead::create(WideAead::Width::avx512, false));
}

TEST(AeadEngine, AutomaticTakesTheFastestThatRuns) {
  const auto automatic = AeadEngine::create(Backend::automatic);
  ASSERT_TRUE(automatic);
  std::string_view fastest;
  for (const Backend backend : testing::all_backends()) {
    fastest = AeadEngine::create(backend) ? name_of(backend) : fastest;
  }
  EXPECT_EQ(automatic->backend_name(), fastest);
}

}  // namespace
}  // namespace gotthard::crypto
