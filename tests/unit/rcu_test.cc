// Reclamation: nothing is freed while a worker may still read it, and nothing waits for a worker
// that sleeps. The threaded tests also run under ThreadSanitizer.
#include "dataplane/table/rcu.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace gotthard::dataplane {
namespace {

std::unique_ptr<Rcu> make(std::uint32_t workers) {
  auto rcu = Rcu::create(workers);
  EXPECT_TRUE(rcu);
  return std::move(*rcu);
}

TEST(Rcu, PassesOnceEveryWorkerWasQuiescent) {
  const auto rcu = make(2);
  rcu->online(0);
  rcu->online(1);
  const Rcu::Token token = rcu->start();
  EXPECT_FALSE(rcu->passed(token));
  rcu->quiescent(0);
  EXPECT_FALSE(rcu->passed(token));
  rcu->quiescent(1);
  EXPECT_TRUE(rcu->passed(token));
  EXPECT_TRUE(rcu->passed(token));
}

TEST(Rcu, SleepingWorkersHoldNobodyUp) {
  const auto rcu = make(3);
  EXPECT_TRUE(rcu->passed(rcu->start()));  // none has begun
  rcu->online(0);
  const Rcu::Token token = rcu->start();
  EXPECT_FALSE(rcu->passed(token));
  rcu->offline(0);
  EXPECT_TRUE(rcu->passed(token));
  rcu->online(0);  // came back later: cannot have what was retired before
  EXPECT_TRUE(rcu->passed(token));
}

TEST(RetireList, RunsInOrderWhatIsDueAndTheRestAtTheEnd) {
  const auto rcu = make(1);
  std::vector<int> done;
  {
    RetireList list(rcu.get());
    rcu->online(0);
    list.defer([&] { done.push_back(1); });
    list.poll();
    EXPECT_TRUE(done.empty());
    rcu->quiescent(0);
    list.defer([&] { done.push_back(2); });
    list.poll();
    EXPECT_EQ(done, (std::vector<int>{1}));
    EXPECT_EQ(list.size(), 1U);
    // What an action defers waits for its own grace period.
    list.defer([&] { list.defer([&] { done.push_back(4); }); });
    rcu->offline(0);
    list.poll();
    EXPECT_EQ(done.size(), 3U);
    rcu->online(0);
    list.defer([&] { done.push_back(5); });
  }
  EXPECT_EQ(done, (std::vector<int>{1, 2, 4, 5}));
}

// Readers see the published object or its successor, alive.
TEST(RcuThreads, NothingIsFreedUnderAReader) {
  constexpr std::uint32_t kWorkers = 3;
  constexpr std::uint64_t kObjects = 20'000;
  struct Object {
    std::uint64_t serial;
    std::uint64_t check;
  };
  const auto rcu = make(kWorkers);
  std::atomic<Object*> published{new Object{0, ~std::uint64_t{0}}};
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<std::uint64_t> seen{0};  // objects, by all workers
  std::vector<std::thread> threads;
  for (std::uint32_t worker = 0; worker < kWorkers; ++worker) {
    threads.emplace_back([&, worker] {
      std::uint64_t last = 0;
      for (unsigned round = 1; !stop.load(std::memory_order_relaxed); ++round) {
        if (round % 64 == 0) {
          rcu->offline(worker);
          std::this_thread::yield();
        }
        if (round % 64 == 0 || round == 1) {
          rcu->online(worker);
        }
        const Object* object = published.load(std::memory_order_acquire);
        wrong += object->check == ~object->serial && object->serial >= last ? 0 : 1;
        seen.fetch_add(object->serial > last ? 1 : 0, std::memory_order_relaxed);
        last = object->serial;
        rcu->quiescent(worker);
      }
      rcu->offline(worker);
    });
  }
  {
    RetireList list(rcu.get());
    // Some until the workers run, some while they do.
    for (std::uint64_t serial = 1; serial <= kObjects || seen.load() < kObjects; ++serial) {
      Object* old = published.exchange(new Object{serial, ~serial}, std::memory_order_acq_rel);
      list.defer([old] {
        old->check = 0;  // whoever still reads it would notice
        delete old;
      });
      list.poll();
      while (list.size() > 32) {
        std::this_thread::yield();
        list.poll();
      }
    }
    stop.store(true);
    for (std::thread& thread : threads) {
      thread.join();
    }
  }
  EXPECT_EQ(wrong.load(), 0U);
  delete published.load();
}

}  // namespace
}  // namespace gotthard::dataplane
