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
INSTANTIATE_TEST_SUITE_P(, Allocations, ::testing::Values(Backend::portable, Backend::ipsec_mb),
                         testing::backend_test_name);

TEST_P(Allocations, CounterCounts) {
  const std::uint64_t before = allocations;
  const auto vector = std::make_unique<Bytes>(100);
  EXPECT_GT(allocations, before);
}

TEST_P(Allocations, SealAndOpenMakeNone) {
  AeadKey key;
  ASSERT_TRUE(engine().expand(Suite::chacha20_poly1305, Bytes(32), key));
  std::vector<Bytes> buffers(kMaxBatch, Bytes(1500));
  std::vector<AeadJob> jobs;
  for (Bytes& buffer : buffers) {
    jobs.push_back(
        {.key = &key, .text = buffer.data(), .length = 1400, .tag = buffer.data() + 1400});
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
  AeadKey key;
  ASSERT_TRUE(engine().expand(Suite::chacha20_poly1305, Bytes(32), key));
  Bytes buffer(100);
  const AeadJob job = {.key = &key, .text = buffer.data(), .length = 84, .tag = &buffer[84]};
  const std::uint64_t before = allocations;
  EXPECT_EQ(engine().open({&job, 1}), 0u);
  EXPECT_EQ(allocations, before);
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
