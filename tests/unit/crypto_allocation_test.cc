// What workers call allocates nothing: malloc and its kin are counted in this process. Not part of
// sanitized builds, where they are the sanitizer's.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>

#include "crypto/aead.h"
#include "crypto/hash.h"
#include "tests/unit/crypto_testing.h"

namespace {
std::atomic<std::uint64_t> allocations{0};
}

extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);

void* malloc(std::size_t size) {
  ++allocations;
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
  ++allocations;
  return __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) {
  ++allocations;
  return __libc_realloc(memory, size);
}
}

namespace gotthard::crypto {
namespace {

using testing::Bytes;

class Allocations : public testing::BackendTest {};
INSTANTIATE_TEST_SUITE_P(, Allocations, ::testing::ValuesIn(testing::all_backends()),
                         testing::backend_test_name);

TEST_P(Allocations, CounterCounts) {
  const std::uint64_t before = allocations;
  const auto vector = std::make_unique<Bytes>(100);
  EXPECT_GT(allocations, before);
}

TEST_P(Allocations, SealAndOpenMakeNone) {
  std::vector<AeadKey> keys(2 * kSuites);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto suite = static_cast<Suite>(i % kSuites);
    ASSERT_TRUE(engine().expand(suite, Bytes(key_size(suite), std::byte{1}), keys[i]));
  }
  std::vector<Bytes> buffers(kMaxBatch, Bytes(1500));
  const Bytes aad(12);
  std::vector<AeadJob> jobs;
  for (std::size_t i = 0; i < kMaxBatch; ++i) {
    jobs.push_back({.key = &keys[i % keys.size()],
                    .text = &buffers[i][24],
                    .length = 1408,
                    .aad_length = 12,
                    .aad = aad.data(),
                    .tag = &buffers[i][24 + 1408]});
  }
  const std::uint64_t before = allocations;
  std::uint64_t authentic = ~std::uint64_t{0};
  for (int i = 0; i < 10; ++i) {
    engine().seal(jobs);
    authentic &= engine().open(jobs);
  }
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(authentic, ~std::uint64_t{0});
}

TEST_P(Allocations, RefusedPacketsMakeNone) {
  for (std::size_t i = 0; i < kSuites; ++i) {
    const auto suite = static_cast<Suite>(i);
    AeadKey key;
    ASSERT_TRUE(engine().expand(suite, Bytes(key_size(suite)), key));
    Bytes buffer(200);
    const AeadJob job = {.key = &key,
                         .text = &buffer[24],
                         .length = 96,
                         .aad_length = 8,
                         .aad = buffer.data(),
                         .tag = &buffer[120]};
    const std::uint64_t before = allocations;
    EXPECT_EQ(engine().open({&job, 1}), 0u);
    EXPECT_EQ(allocations, before);
  }
}

TEST(WorkerAllocations, KeyedMacMakesNone) {
  auto mac = Blake2sMac::create();
  ASSERT_TRUE(mac) << mac.error().message;
  const Bytes key(32);
  const Bytes message(116);
  const std::uint64_t before = allocations;
  for (int i = 0; i < 100; ++i) {
    static_cast<void>(mac->mac(key, message));
  }
  EXPECT_EQ(allocations, before);
}

}  // namespace
}  // namespace gotthard::crypto
