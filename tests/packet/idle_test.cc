// Workers in threads of their own: asleep while there is nothing to do, awake for the first packet.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "tests/packet/messages.h"

namespace gotthard::packet_test {
namespace {

using std::chrono::milliseconds;

// Runs one worker of the bench until it goes.
class Running {
 public:
  explicit Running(dataplane::Worker* worker)
      : worker_(worker), thread_([worker] { worker->run(); }) {}
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    worker_->stop();
    thread_.join();
  }

 private:
  dataplane::Worker* worker_;
  std::thread thread_;
};

template <typename Condition>
bool within_seconds(int seconds, Condition&& condition) {
  const Nanoseconds deadline = boottime_now() + seconds * kSecond;
  while (boottime_now() < deadline) {
    if (condition()) {
      return true;
    }
    std::this_thread::yield();
  }
  return condition();
}

TEST(Idle, SleepsAndIsThereForTheFirstPacket) {
  Bench bench(1, {.sleep_when_idle = true});
  const Keys keys = bench.install(0, kSession0);
  auto& worker = *bench.manager().workers()[0];
  const Running running(&worker);
  ASSERT_TRUE(within_seconds(20, [&] { return worker.counters().sleeps.get() > 50; }));

  // Asleep it looks some thousand times a second, awake some million times.
  const std::uint64_t loops = worker.counters().loops.get();
  const Nanoseconds start = boottime_now();
  std::this_thread::sleep_for(milliseconds(100));
  const auto elapsed_us = static_cast<std::uint64_t>((boottime_now() - start) / 1000);
  EXPECT_LT(worker.counters().loops.get() - loops, elapsed_us / 20);

  // The best of some: this machine has other things to do as well.
  Nanoseconds best = kSecond;
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(within_seconds(20, [&, now = worker.counters().sleeps.get()] {
      return worker.counters().sleeps.get() > now + 2;
    }));
    const Nanoseconds sent = boottime_now();
    bench.receive_sealed(
        0, seal(keys.receive, kSession0, static_cast<std::uint64_t>(i), from_peer0()));
    ASSERT_TRUE(within_seconds(20, [&] { return !bench.sent(kLan).empty(); }));
    best = std::min(best, boottime_now() - sent);
  }
  EXPECT_LT(best, 20 * kMillisecond);
}

TEST(Idle, PollsOnWhenTold) {
  Bench bench;
  auto& worker = *bench.manager().workers()[0];
  const Running running(&worker);
  ASSERT_TRUE(within_seconds(20, [&] { return worker.counters().idle_loops.get() > 100'000; }));
  EXPECT_EQ(worker.counters().sleeps.get(), 0U);
}

// Nobody hands anything to a worker that sleeps; it is called, and then takes part.
TEST(Idle, ASleeperIsCalledBeforeItIsGivenWork) {
  Bench bench(2, {.sleep_when_idle = true});
  const Keys keys = bench.install(0, kSession0);
  auto& receiver = *bench.manager().workers()[0];
  auto& sleeper = *bench.manager().workers()[1];
  const auto opened = [&] {
    return sleeper.counters().stages[static_cast<std::size_t>(StageId::wg_decap)].packets.get();
  };
  const Running running(&sleeper);
  ASSERT_TRUE(within_seconds(20, [&] { return sleeper.counters().sleeps.get() > 50; }));
  std::uint64_t counter = 0;
  std::uint64_t received = 0;
  EXPECT_TRUE(within_seconds(30, [&] {
    for (std::uint32_t i = 0; i < dataplane::kBurst; ++i) {
      bench.receive_sealed(0, seal(keys.receive, kSession0, counter++, from_peer0()));
    }
    receiver.online();
    receiver.poll();
    receiver.offline();
    received += bench.sent(kLan).size();
    return opened() > 0;
  }));
  EXPECT_TRUE(within_seconds(20, [&] {
    receiver.online();
    receiver.poll();
    receiver.offline();
    received += bench.sent(kLan).size();
    return received == counter;
  }));
  EXPECT_EQ(received, counter);
}

}  // namespace
}  // namespace gotthard::packet_test
