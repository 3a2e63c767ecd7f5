// One peer's packets arrive at one worker's queue: others help to open them, and what was inside
// leaves in the order in which it came.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "tests/packet/messages.h"

namespace gotthard::packet_test {
namespace {

using dataplane::SpreadPolicy;

std::vector<std::uint16_t> up_to(std::uint16_t count) {
  std::vector<std::uint16_t> result(count);
  for (std::uint16_t i = 0; i < count; ++i) {
    result[i] = i;
  }
  return result;
}

class SpreadBench : public Bench {
 public:
  explicit SpreadBench(unsigned workers, SpreadPolicy policy = SpreadPolicy::always,
                       unsigned queues = 0)
      : Bench(workers, {.spread = policy, .queues = queues, .sleep_when_idle = true}) {}

  // A packet of flow `flow`, the `number`th of all; all to the queue of worker 0.
  void send(std::uint32_t flow, std::uint32_t number, bool spoil = false) {
    Bytes message = seal(keys.receive, session, counter++, inner(flow, number));
    if (spoil) {
      message.back() ^= 1;
    }
    receive_sealed(0, message);
  }
  Bytes inner(std::uint32_t flow, std::uint32_t number) const {
    Bytes payload(4);
    put16(&payload, 0, static_cast<std::uint16_t>(number));
    return udp("10.2.0.9", static_cast<std::uint16_t>(flow), "10.1.0.2", 2000, payload);
  }
  void poll(unsigned worker) {
    auto& w = *manager().workers()[worker];
    w.online();
    w.poll();
    w.offline();
  }
  // What left for the LAN since the last call, in order.
  std::vector<std::uint16_t> numbers() {
    std::vector<std::uint16_t> result;
    for (const Bytes& frame : sent(kLan)) {
      result.push_back(get16(frame, 14 + 20 + 8));
    }
    return result;
  }
  std::uint64_t stage(unsigned worker, StageId id) {
    return manager()
        .workers()[worker]
        ->counters()
        .stages[static_cast<std::size_t>(id)]
        .packets.get();
  }
  std::uint64_t late() {
    std::uint64_t sum = 0;
    for (const auto& worker : manager().workers()) {
      sum += worker->counters().spread_late.get();
    }
    return sum;
  }

  // All of them, in order unless this machine stopped us for longer than the workers' patience.
  bool has_sent(std::uint16_t count) {
    std::vector<std::uint16_t> sent_on = numbers();
    if (late() > 0) {
      std::sort(sent_on.begin(), sent_on.end());
    }
    return sent_on == up_to(count);
  }

  // What is sent from now on is under other keys.
  void rekey() {
    session = kSession1;
    keys = install(0, session);
    counter = 0;
  }

  std::uint32_t session = kSession0;
  Keys keys = install(0, kSession0);
  std::uint64_t counter = 0;
};

// Ten bursts: both others are given what they have room for, the rest goes behind it. False: this
// machine stopped us for longer than the workers' patience, and nothing was to be seen.
bool opened_by_all() {
  constexpr std::uint16_t kBursts = 10;
  constexpr std::uint16_t kPackets = kBursts * dataplane::kBurst;
  SpreadBench bench(3);
  for (std::uint16_t i = 0; i < kPackets; ++i) {
    bench.send(i % 5, i);
  }
  for (std::uint16_t i = 0; i < kBursts; ++i) {
    bench.poll(0);
  }
  bench.run();
  if (bench.late() > 0) {
    return false;
  }
  EXPECT_EQ(bench.numbers(), up_to(kPackets));
  EXPECT_EQ(bench.all_drops(), 0U);
  EXPECT_EQ(bench.stage(1, StageId::wg_decap), 4 * dataplane::kBurst);
  EXPECT_EQ(bench.stage(2, StageId::wg_decap), 4 * dataplane::kBurst);
  EXPECT_EQ(bench.stage(0, StageId::spread), 8 * dataplane::kBurst);
  EXPECT_EQ(bench.stage(0, StageId::wg_decap), kPackets - 8 * dataplane::kBurst);
  EXPECT_EQ(bench.stage(0, StageId::resequence), kPackets);
  EXPECT_EQ(bench.manager().workers()[1]->counters().tx_packets.get(), 0U) << "the receiver sends";
  EXPECT_EQ(bench.link().directory()->peer[0].rx_packets.load(), kPackets);
  return true;
}

TEST(Spread, WhatOneQueueGotIsOpenedByAllAndKeepsItsOrder) {
  const Nanoseconds deadline = boottime_now() + 30 * kSecond;
  bool seen = false;
  while (!seen && boottime_now() < deadline) {
    seen = opened_by_all();
  }
  EXPECT_TRUE(seen);
}

// Any interleaving of the workers.
TEST(Spread, KeepsOrderHoweverTheWorkersRun) {
  std::uint64_t random = 1;
  const auto next = [&random](std::uint32_t below) {
    random = random * 6364136223846793005U + 1442695040888963407U;
    return static_cast<std::uint32_t>(random >> 33) % below;
  };
  for (int round = 0; round < 20; ++round) {
    SpreadBench bench(2 + next(3));
    const auto workers = static_cast<std::uint32_t>(bench.manager().workers().size());
    std::vector<std::uint16_t> expected;
    std::vector<std::uint16_t> got;
    std::uint16_t number = 0;
    const auto look = [&] {
      const auto more = bench.numbers();
      got.insert(got.end(), more.begin(), more.end());
    };
    std::uint64_t spoilt = 0;
    for (int step = 0; step < 150; ++step) {
      for (std::uint32_t n = next(4) == 0 ? next(40) : 0; n > 0; --n) {
        const bool spoil = next(10) == 0;
        spoilt += spoil ? 1 : 0;
        bench.send(next(3), number, spoil);
        if (!spoil) {
          expected.push_back(number);
        }
        ++number;
      }
      bench.poll(next(workers));
      look();
    }
    bench.run();
    look();
    EXPECT_EQ(bench.drops(Drop::wg_open_failed), spoilt);
    if (bench.late() == 0) {  // this machine may stop us for longer than the workers' patience
      EXPECT_EQ(got, expected);
    }
    std::sort(got.begin(), got.end());
    EXPECT_EQ(got, expected);
  }
}

TEST(Spread, WhatTheNetworkLostHoldsUpNobody) {
  SpreadBench bench(2);
  bench.send(1, 0);
  bench.counter += 100;
  bench.send(1, 1);
  bench.poll(0);
  EXPECT_TRUE(bench.numbers().empty());
  bench.poll(1);
  bench.poll(0);
  EXPECT_TRUE(bench.has_sent(2));
}

TEST(Spread, AWorkerThatWasStoppedIsNotWaitedForForLong) {
  SpreadBench bench(2);
  bench.send(1, 0);
  bench.poll(0);  // to worker 1, which does nothing
  for (std::uint16_t i = 1; i <= 4 * dataplane::kBurst; ++i) {
    bench.send(1, i);
  }
  for (int i = 0; i < 5; ++i) {
    bench.poll(0);
  }
  std::this_thread::sleep_for(std::chrono::microseconds(2 * dataplane::Spread::kPatienceUs));
  for (int i = 0; i < 5; ++i) {
    bench.poll(0);
  }
  // What was opened here: the last burst, as three went to worker 1 behind the first packet.
  std::vector<std::uint16_t> numbers = bench.numbers();
  ASSERT_EQ(numbers.size(), dataplane::kBurst);
  EXPECT_EQ(numbers.front(), 3 * dataplane::kBurst + 1);
  bench.run();
  numbers = bench.numbers();
  EXPECT_EQ(numbers.size(), 3 * dataplane::kBurst + 1) << "late, but not lost";
  EXPECT_EQ(numbers.front(), 0U);
  EXPECT_EQ(bench.late(), numbers.size());
  EXPECT_EQ(bench.all_drops(), 0U);
  EXPECT_EQ(bench.link().directory()->worker[1].spread_late.load(), numbers.size());
}

// What is under the new keys is opened here, while another worker has what is under the old ones.
TEST(Spread, NewKeysDoNotOvertakeOldOnes) {
  constexpr std::uint16_t kOld = 4 * dataplane::kBurst;
  constexpr std::uint16_t kAll = kOld + dataplane::kBurst;
  const auto deadline = boottime_now() + 20 * kSecond;
  bool seen = false;
  while (!seen && boottime_now() < deadline) {
    SpreadBench bench(2);
    std::uint16_t number = 0;
    while (number < kOld) {
      bench.send(1, number++);
    }
    for (int i = 0; i < 4; ++i) {
      bench.poll(0);
    }
    bench.rekey();
    while (number < kAll) {
      bench.send(1, number++);
    }
    const std::uint64_t opened = bench.stage(0, StageId::wg_decap);
    bench.poll(0);
    ASSERT_EQ(bench.stage(0, StageId::wg_decap), opened + dataplane::kBurst);
    bench.run();
    // What is overtaken counts as late, and so does what this machine stopped for too long.
    seen = bench.late() == 0 && bench.numbers() == up_to(kAll);
  }
  EXPECT_TRUE(seen);
}

TEST(Spread, WhatFindsNoRoomDoesNotWait) {
  SpreadBench bench(2);
  const auto deadline = boottime_now() + 20 * kSecond;
  // A test that takes longer than the workers' patience has seen nothing: again.
  while (boottime_now() < deadline) {
    bench.send(1, 0);
    bench.poll(0);
    const std::uint64_t before = bench.manager().workers()[0]->counters().spread_overflows.get();
    std::uint16_t number = 1;
    for (std::uint32_t i = 0; i < dataplane::Resequencer::kBatches + 8; ++i) {
      bench.send(1, number++);
      bench.poll(0);
    }
    const std::uint64_t overflows =
        bench.manager().workers()[0]->counters().spread_overflows.get() - before;
    bench.run();
    std::vector<std::uint16_t> numbers = bench.numbers();
    std::sort(numbers.begin(), numbers.end());
    ASSERT_EQ(numbers, up_to(number)) << "nothing is lost";
    if (overflows > 0) {
      EXPECT_GT(bench.late(), 0U);
      bench.settle();
      return;
    }
  }
  FAIL() << "no overflow was seen";
}

TEST(Spread, IsForWhatWaitsAndAsConfigured) {
  for (const SpreadPolicy policy : {SpreadPolicy::never, SpreadPolicy::automatic}) {
    SpreadBench bench(2, policy);
    for (std::uint16_t i = 0; i < 20; ++i) {  // no full burst: nothing waits
      bench.send(1, i);
    }
    bench.run();
    EXPECT_EQ(bench.numbers(), up_to(20));
    EXPECT_EQ(bench.stage(1, StageId::wg_decap), 0U);
    EXPECT_EQ(bench.stage(0, StageId::resequence), 0U);
  }
}

TEST(Spread, ByItselfWhenPacketsWaitToWorkersThatHaveNone) {
  SpreadBench bench(2, SpreadPolicy::automatic);
  for (std::uint16_t i = 0; i < 8 * dataplane::kBurst; ++i) {
    bench.send(1, i);
  }
  bench.run();
  EXPECT_TRUE(bench.has_sent(8 * dataplane::kBurst));
  EXPECT_EQ(bench.stage(1, StageId::wg_decap), 4 * dataplane::kBurst);

  // Worker 1 has a full burst of its own.
  for (std::uint16_t i = 0; i < 2 * dataplane::kBurst; ++i) {
    bench.receive_ip(kLan, to_peer0(), 1);
  }
  bench.poll(1);
  for (std::uint16_t i = 0; i < 2 * dataplane::kBurst; ++i) {
    bench.send(1, i);
  }
  bench.run();
  EXPECT_TRUE(bench.has_sent(2 * dataplane::kBurst));
  EXPECT_EQ(bench.stage(1, StageId::wg_decap), 4 * dataplane::kBurst) << "it is spared";
}

TEST(Spread, ASessionThatGoesMeanwhileIsNotFound) {
  SpreadBench bench(2);
  bench.send(1, 0);
  bench.poll(0);
  bench.command(abi::SessionRemove{.local_id = kSession0});
  bench.settle();
  bench.run();
  EXPECT_TRUE(bench.numbers().empty());
  EXPECT_EQ(bench.drops(Drop::wg_unknown_session), 1U);
}

// A NIC with fewer queues than there are workers: those without one open, and send by the others.
TEST(Spread, WorkersWithoutAQueueOpenAndSendByThoseThatHaveOne) {
  SpreadBench bench(3, SpreadPolicy::automatic, 1);
  const Keys other = bench.install(1, kSession1);
  for (std::uint16_t i = 0; i < 8 * dataplane::kBurst; ++i) {
    bench.send(1, i);
  }
  bench.run();
  EXPECT_TRUE(bench.has_sent(8 * dataplane::kBurst));
  EXPECT_EQ(bench.stage(1, StageId::wg_decap), 4 * dataplane::kBurst);
  // The manager gives this one to worker 1 to be sealed.
  constexpr std::uint32_t kPackets = 40;
  for (std::uint32_t i = 0; i < kPackets; ++i) {
    bench.from_tun(udp("10.1.0.1", 5, "10.3.0.1", 6, Bytes(20)));
  }
  bench.run();
  EXPECT_EQ(bench.stage(1, StageId::wg_encap), kPackets);
  const auto sent = bench.sent(kWan);
  ASSERT_EQ(sent.size(), kPackets);
  for (std::uint32_t i = 0; i < kPackets; ++i) {
    EXPECT_EQ(open(other.send, message_in(sent[i], true)).value().counter, i);
  }
  EXPECT_EQ(bench.manager().workers()[1]->counters().tx_packets.get(), 0U);
  EXPECT_EQ(bench.all_drops(), 0U);
}

TEST(Spread, NothingIsLeftBehind) {
  const unsigned before = rte_mempool_in_use_count(Bench::pool());
  {
    SpreadBench bench(2);
    for (std::uint16_t i = 0; i < 200; ++i) {
      bench.send(1, i);
    }
    for (int i = 0; i < 8; ++i) {
      bench.poll(0);
    }
  }
  EXPECT_EQ(rte_mempool_in_use_count(Bench::pool()), before);
}

}  // namespace
}  // namespace gotthard::packet_test
