// What is lost when a ring, a queue, a device or the pool has no more room: each packet is either
// delivered or counted.
#include <gtest/gtest.h>

#include "tests/packet/messages.h"

namespace gotthard::packet_test {
namespace {

// Of rings with 4096 and 1024 places one stays free (rte_ring).
constexpr std::uint64_t kWorkerRing = 4095;
constexpr std::uint64_t kQueue = 1023;

Bytes from_gateway(const Bench& bench) {
  return ethernet(bench.mac(kWan), udp("192.0.2.1", 5, "192.0.2.9", 53, {1}));
}

TEST(Resources, HostRingFullFromWorkerToManager) {
  Bench bench;
  const Bytes arp = ethernet({0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, Bytes(46), 0x0806);
  constexpr std::uint64_t kFrames = 5000;
  for (std::uint64_t i = 0; i < kFrames; ++i) {
    bench.receive(kWan, arp);
    if (i % 1000 == 999) {
      bench.run_workers();
    }
  }
  const auto& worker = *bench.manager().workers()[0];
  EXPECT_EQ(worker.counters().drops[static_cast<std::size_t>(Drop::host_ring_full)].get(),
            kFrames - kWorkerRing);
  std::uint64_t delivered = 0;
  for (int i = 0; i < 100; ++i) {
    bench.settle();
    delivered += bench.at_twin(kWan).size();
  }
  EXPECT_GT(delivered, 0U);
  // The twin takes only so many at once, too.
  EXPECT_EQ(delivered + bench.drops(Drop::host_ring_full), kFrames);
}

TEST(Resources, HostRingFullFromManagerToWorker) {
  Bench bench;
  constexpr std::uint64_t kFrames = 5000;
  for (std::uint64_t i = 0; i < kFrames; ++i) {
    bench.from_twin(kWan, from_gateway(bench));
    bench.manager().round();
  }
  EXPECT_EQ(bench.drops(Drop::host_ring_full), kFrames - kWorkerRing);
  EXPECT_EQ(bench.all_drops(), kFrames - kWorkerRing);
}

TEST(Resources, HostRingFullWithoutATwin) {
  Bench bench;
  bench.manager().host().set_twin(kWan, UniqueFd());
  bench.receive_ip(kWan, udp("192.0.2.9", 5, "192.0.2.1", 53, {1}));
  bench.run();
  EXPECT_EQ(bench.drops(Drop::host_ring_full), 1U);
  EXPECT_EQ(bench.all_drops(), 1U);
}

TEST(Resources, TxFull) {
  Bench bench;
  constexpr std::uint64_t kPackets = 1500;
  for (std::uint64_t i = 0; i < kPackets; ++i) {
    bench.receive_ip(kWan, udp("198.51.100.2", 1, "198.51.100.1", 2, {}));
    if (i % 500 == 499) {
      bench.run();
    }
  }
  EXPECT_EQ(bench.drops(Drop::tx_full), kPackets - kQueue);
  EXPECT_EQ(bench.all_drops(), kPackets - kQueue);
  EXPECT_EQ(bench.sent(kWan).size(), kQueue);
}

TEST(Resources, PuntRingFull) {
  Bench bench;
  constexpr std::uint64_t kEach = 300;
  for (std::uint64_t i = 0; i < kEach; ++i) {
    bench.receive_sealed(0, handshake(1, false));
    bench.receive_sealed(0, handshake(1, true));
    bench.receive_sealed(0, handshake(2));
  }
  bench.run_workers();
  for (int i = 0; i < 8; ++i) {
    bench.manager().round();  // control takes nothing meanwhile
  }
  const std::uint64_t policed = bench.drops(Drop::wg_policed);
  const std::uint64_t full = bench.drops(Drop::punt_ring_full);
  EXPECT_EQ(bench.punts().size(), abi::PuntRing::kCapacity);
  EXPECT_EQ(policed + full + bench.punts().size(), 3 * kEach);
  EXPECT_GT(full, 0U);
  EXPECT_EQ(bench.link().directory()->header.punts_lost.load(), full);
}

TEST(Resources, PuntRingFullWithoutControl) {
  Bench bench;
  bench.manager().control().detach();
  bench.link().detach();
  bench.receive_sealed(0, initiation());
  bench.run();
  bench.attach();
  EXPECT_EQ(bench.drops(Drop::punt_ring_full), 1U);
  EXPECT_EQ(bench.all_drops(), 1U);
}

TEST(Resources, NoMbuf) {
  Bench bench;
  const Keys keys = bench.install(1, kSession1);
  std::vector<rte_mbuf*> all;
  for (rte_mbuf* mbuf = nullptr; (mbuf = rte_pktmbuf_alloc(Bench::pool())) != nullptr;) {
    all.push_back(mbuf);
  }
  bench.from_tun(udp("10.1.0.1", 5, "10.3.0.1", 6, Bytes(20)));
  bench.run();
  EXPECT_EQ(bench.drops(Drop::no_mbuf), 0U) << "what the kernel still holds is not lost";
  abi::PacketRecord record;
  record.length = 92;
  record.remote_port = htons(40000);
  record.local_port = htons(kListenPort);
  record.neighbour = 0;
  record.remote = address("192.0.2.2");
  record.local = address("192.0.2.1");
  EXPECT_TRUE(bench.link().inject(record));
  bench.run();
  EXPECT_EQ(bench.drops(Drop::no_mbuf), 1U);
  EXPECT_EQ(bench.all_drops(), 1U);
  rte_pktmbuf_free_bulk(all.data(), static_cast<unsigned>(all.size()));
  bench.run();
  const auto sent = bench.sent(kWan);
  ASSERT_EQ(sent.size(), 1U) << "it leaves once there is a buffer";
  EXPECT_TRUE(open(keys.send, message_in(sent[0], true)));
}

}  // namespace
}  // namespace gotthard::packet_test
