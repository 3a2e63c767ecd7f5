// The rings between data plane and control with a thread at each end: each record comes once, in
// order and whole, and what is wiped is gone before its place is written anew. Also run under
// ThreadSanitizer.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <thread>

#include "dataplane/abi/ring.h"

namespace gotthard::abi {
namespace {

struct Numbers {
  std::uint64_t number = 0;
  std::array<std::uint64_t, 30> copies{};
};

#if defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kRecords = 5'000;
#else
constexpr std::uint64_t kRecords = 30'000;
#endif

class RingThreads : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Wipe, RingThreads, testing::Bool());

TEST_P(RingThreads, EachRecordComesOnceInOrderAndWhole) {
  using Memory = RingMemory<Numbers, 512>;
  const auto memory = std::make_unique<Memory>();
  std::thread producer([&] {
    RingProducer<Numbers, 512> ring(memory.get());
    for (std::uint64_t i = 1; i <= kRecords;) {
      Numbers record{.number = i};
      record.copies.fill(i);
      if (ring.push(record)) {
        ++i;
      } else {
        std::this_thread::yield();
      }
    }
  });
  RingConsumer<Numbers, 512> ring(memory.get());
  std::uint64_t wrong = 0;
  Numbers record;
  for (std::uint64_t i = 1; i <= kRecords;) {
    if (!ring.pop(&record, GetParam())) {
      EXPECT_FALSE(ring.broken());
      std::this_thread::yield();
      continue;
    }
    wrong += record.number == i ? 0 : 1;
    for (const std::uint64_t copy : record.copies) {
      wrong += copy == i ? 0 : 1;
    }
    ++i;
  }
  producer.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_FALSE(ring.pop(&record));
  for (const Numbers& slot : memory->slots) {
    EXPECT_EQ(slot.number == 0, GetParam());
  }
}

}  // namespace
}  // namespace gotthard::abi
