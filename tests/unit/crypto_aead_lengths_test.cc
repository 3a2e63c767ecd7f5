// Lengths at which the wide kernels take another way: where runs over heads of texts begin and end,
// windows of powers, counters that carry, groups of unlike packets.
#include <gtest/gtest.h>

#include <optional>

#include "crypto/aead.h"
#include "tests/unit/crypto_packets.h"

namespace gotthard::crypto {
namespace {

using testing::Batch;

class AeadLengths : public ::testing::TestWithParam<std::tuple<Backend, Suite>> {
 protected:
  void SetUp() override {
    Result<AeadEngine> engine = AeadEngine::create(std::get<Backend>(GetParam()));
    if (!engine) {
      GTEST_SKIP() << engine.error().message;
    }
    engine_.emplace(std::move(*engine));
  }
  AeadEngine& engine() { return *engine_; }
  [[nodiscard]] Batch batch(std::size_t keys) {
    return {*engine_, {std::get<Suite>(GetParam())}, keys};
  }

 private:
  std::optional<AeadEngine> engine_;
};
INSTANTIATE_TEST_SUITE_P(, AeadLengths,
                         ::testing::Combine(::testing::ValuesIn(testing::all_backends()),
                                            ::testing::Values(Suite::chacha20_poly1305,
                                                              Suite::aes128_gcm, Suite::aes192_gcm,
                                                              Suite::aes256_gcm)),
                         [](const auto& test) {
                           return std::string(name_of(std::get<Backend>(test.param))) + "_" +
                                  testing::name_of(std::get<Suite>(test.param));
                         });

// AddressSanitizer makes it slow: every fifth of the long ones is enough to see where they reach.
#if defined(__SANITIZE_ADDRESS__)
#define GOTTHARD_SLOW
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GOTTHARD_SLOW
#endif
#endif
#ifdef GOTTHARD_SLOW
constexpr std::size_t kStepOfLong = 5;
#else
constexpr std::size_t kStepOfLong = 1;
#endif

TEST_P(AeadLengths, AllUpTo9000) {
  constexpr std::size_t kLong = 700;
  for (const std::size_t keys : {1, 5}) {
    Batch packets = batch(keys);
    for (std::size_t length = 0; length <= 9000; length += length < kLong ? 1 : kStepOfLong) {
      packets.add(length, keys == 1 ? 0 : length % 17);
      if (packets.packets.size() == kMaxBatch) {
        ASSERT_NO_FATAL_FAILURE(packets.check());
      }
    }
    ASSERT_NO_FATAL_FAILURE(packets.check());
  }
}

// Full groups and what is left of them, all alike.
TEST_P(AeadLengths, BatchesOfAlikePackets) {
  Batch packets = batch(3);
  for (const std::size_t count : {1, 3, 4, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 63, 64}) {
    for (const std::size_t length :
         {0,    1,    16,   63,   64,   65,   255,  256,  257,  319,  320,  321,  639,
          640,  641,  959,  960,  961,  1023, 1024, 1025, 1279, 1280, 1281, 1420, 1535,
          1599, 1600, 1601, 1919, 1920, 1921, 2048, 2559, 2560, 4032, 4033, 8192, 9000}) {
      for (const std::size_t aad_length : {0, 8}) {
        for (std::size_t i = 0; i < count; ++i) {
          packets.add(length, aad_length);
        }
        ASSERT_NO_FATAL_FAILURE(packets.check()) << count << " of " << length;
      }
    }
  }
}

// Short and long ones in one batch, some with associated data.
TEST_P(AeadLengths, BatchesOfUnlikePackets) {
  Batch packets = batch(4);
  for (int round = 0; round < 300; ++round) {
    const std::size_t longest[4] = {100, 700, 1500, 9001};
    const std::size_t kinds = 1 + packets.generator.below(4);
    for (std::size_t i = 1 + packets.generator.below(kMaxBatch); i > 0; --i) {
      packets.add(packets.generator.below(longest[packets.generator.below(kinds)]),
                  packets.generator.below(8) == 0 ? packets.generator.below(65) : 0);
    }
    ASSERT_NO_FATAL_FAILURE(packets.check());
  }
}

// One changed byte, anywhere in a long text: that packet is refused, no other, and its text is not
// there to be read.
TEST_P(AeadLengths, AByteThatWasChangedIsNoticed) {
  Batch packets = batch(2);
  for (int round = 0; round < 100; ++round) {
    const std::size_t count = 8 + packets.generator.below(kMaxBatch - 7);
    for (std::size_t i = 0; i < count; ++i) {
      packets.add(1400, 0);
    }
    const auto jobs = packets.jobs();
    engine().seal(jobs);
    const std::size_t changed = packets.generator.below(count);
    jobs[changed].text[packets.generator.below(1400)] ^=
        static_cast<std::byte>(1 << packets.generator.below(8));
    ASSERT_EQ(engine().open(jobs), Batch::all(count) & ~(std::uint64_t{1} << changed));
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(packets.packets[i].text() == packets.packets[i].plain, i != changed);
    }
    packets.packets.clear();
  }
}

}  // namespace
}  // namespace gotthard::crypto
