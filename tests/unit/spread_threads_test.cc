// Batches between workers' threads: each comes back once, whole, in order or given up. Also run
// under ThreadSanitizer.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "dataplane/table/handoff.h"
#include "dataplane/table/resequencer.h"

namespace gotthard::dataplane {
namespace {

#if defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kBatchCount = 2'000;
#else
constexpr std::uint64_t kBatchCount = 20'000;
#endif

// What a packet holds, in place of a buffer: its number and whether it was worked on.
struct Payload {
  std::uint64_t number = 0;
  std::uint64_t work = 0;
};
rte_mbuf* as_mbuf(Payload* payload) { return reinterpret_cast<rte_mbuf*>(payload); }
Payload* payload_of(rte_mbuf* mbuf) { return reinterpret_cast<Payload*>(mbuf); }

using BatchHandoff = Handoff<SpreadBatch, 4>;

TEST(HandoffRing, PassesEachPointerOnceInOrder) {
  HandoffRing<std::uint64_t, 256> ring;
  std::vector<std::uint64_t> items(kBatchCount / 2);
  std::thread giver([&] {
    for (std::uint64_t i = 0; i < items.size(); ++i) {
      items[i] = i * 3;  // plain memory: the ring is what orders it
      while (!ring.push(&items[i])) {
        std::this_thread::yield();
      }
    }
  });
  std::uint64_t wrong = 0;
  for (std::uint64_t i = 0; i < items.size(); ++i) {
    const std::uint64_t* item = nullptr;
    while ((item = ring.pop()) == nullptr) {
      std::this_thread::yield();
    }
    wrong += item == &items[i] && *item == i * 3 ? 0 : 1;
  }
  giver.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(ring.pop(), nullptr);
}

// Worker 0 receives, the others open, dropping some packets and now and then falling asleep.
void open_together(std::uint32_t workers, std::uint64_t patience) {
  BatchHandoff handoff(workers);
  const auto order = std::make_unique<Resequencer>(patience);
  std::vector<Payload> payloads(kBatchCount * 4);
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> dropped{0};
  std::atomic<std::uint64_t> late{0};
  std::vector<std::thread> openers;
  for (std::uint32_t worker = 1; worker < workers; ++worker) {
    openers.emplace_back([&, worker] {
      std::mt19937_64 random(worker);
      while (!done.load()) {
        SpreadBatch* batch = handoff.take(worker);
        if (batch == nullptr) {
          std::this_thread::yield();
          continue;
        }
        if (random() % 64 == 0) {
          std::this_thread::yield();
        }
        std::uint32_t kept = 0;
        for (std::uint32_t i = 0; i < batch->size; ++i) {
          Payload* payload = payload_of(batch->packets[i].mbuf);
          payload->work += 1;
          if (payload->number % 7 == 3) {
            dropped.fetch_add(1);
          } else {
            batch->packets[kept++] = batch->packets[i];
          }
        }
        batch->size = kept;
        if (!batch->give_back()) {
          late.fetch_add(kept);
          batch->size = 0;
          batch->free();
        }
      }
    });
  }

  std::uint64_t now = 0;
  std::uint64_t next = 0;
  std::uint64_t released = 0;
  std::map<std::uint8_t, std::uint64_t> last;
  std::uint64_t wrong = 0;
  const auto release = [&] {
    std::array<SpreadPacket, kBurst> packets;
    while (const std::uint32_t count = order->release(++now, &packets)) {
      released += count;
      for (std::uint32_t i = 0; i < count; ++i) {
        const Payload& payload = *payload_of(packets[i].mbuf);
        std::uint64_t& before = last[packets[i].bucket];
        wrong += payload.number > before && payload.work == 1 ? 0 : 1;
        before = payload.number;
      }
    }
  };
  std::uint32_t to = 1;
  while (next < payloads.size()) {
    release();
    SpreadBatch* batch = order->size() < Resequencer::kAway ? order->take() : nullptr;
    if (batch == nullptr) {
      std::this_thread::yield();
      continue;
    }
    batch->size = 0;
    for (int i = 0; i < 4; ++i) {
      Payload& payload = payloads[next++];
      payload.number = next;
      batch->packets[batch->size++] = {.mbuf = as_mbuf(&payload),
                                       .bucket = static_cast<std::uint8_t>(next % 3)};
    }
    order->push(batch, BatchState::given, now);
    while (!handoff.give(0, to, batch)) {
      to = to % (workers - 1) + 1;
      release();
      std::this_thread::yield();
    }
    to = to % (workers - 1) + 1;
  }
  while (!order->empty()) {
    release();
    std::this_thread::yield();
  }
  while (released + dropped.load() + late.load() < payloads.size()) {
    std::this_thread::yield();
  }
  done.store(true);
  for (std::thread& opener : openers) {
    opener.join();
  }
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(released + dropped.load() + late.load(), payloads.size());
  EXPECT_EQ(late.load() > 0, order->given_up() > 0);
}

class SpreadThreads : public testing::TestWithParam<std::uint32_t> {};

TEST_P(SpreadThreads, BatchesComeBackOnceAndInOrder) {
  open_together(GetParam(), ~std::uint64_t{0});
}
// So impatient that it gives up many: those are the openers' to send on.
TEST_P(SpreadThreads, WhatIsGivenUpIsNobodyElses) { open_together(GetParam(), 3); }

INSTANTIATE_TEST_SUITE_P(Workers, SpreadThreads, testing::Values(2U, 4U));

}  // namespace
}  // namespace gotthard::dataplane
