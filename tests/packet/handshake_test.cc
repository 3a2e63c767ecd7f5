// Handshake messages between the network and control.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/packet/messages.h"

namespace gotthard::packet_test {
namespace {

TEST(Handshakes, ArePuntedWithTheirAddresses) {
  Bench bench;
  bench.receive_sealed(0, initiation());
  bench.receive_sealed(1, initiation());
  bench.run();
  ASSERT_EQ(bench.punts().size(), 2U);
  const abi::PacketRecord& v4 = bench.punts()[0];
  EXPECT_EQ(v4.remote, address("192.0.2.2"));
  EXPECT_EQ(v4.local, address("192.0.2.1"));
  EXPECT_EQ(v4.remote_port, htons(40000));
  EXPECT_EQ(v4.local_port, htons(kListenPort));
  EXPECT_EQ(v4.length, 148);
  EXPECT_EQ(std::memcmp(v4.payload.data(), initiation().data(), 148), 0);
  EXPECT_EQ(bench.punts()[1].remote, address("2001:db8::2"));
}

TEST(Handshakes, LeaveAsControlSaid) {
  Bench bench;
  for (const bool v6 : {false, true}) {
    abi::PacketRecord record;
    record.length = 92;
    record.remote_port = htons(40000);
    record.local_port = htons(kListenPort);
    record.neighbour = 0;
    record.remote = address(v6 ? "2001:db8::2" : "192.0.2.2");
    record.local = address(v6 ? "2001:db8::1" : "192.0.2.1");
    record.payload[0] = std::byte{2};
    ASSERT_TRUE(bench.link().inject(record));
    bench.run();
    const auto sent = bench.sent(kWan);
    ASSERT_EQ(sent.size(), 1U);
    const Bytes message = message_in(sent[0], v6);
    EXPECT_EQ(message.size(), 92U);
    EXPECT_EQ(message[0], 2);
    EXPECT_EQ(udp_sum(cut(sent[0], 14)), 0);
  }
}

TEST(Handshakes, ArePoliced) {
  Bench bench;
  for (int i = 0; i < 1000; ++i) {
    bench.receive_sealed(0, initiation());
  }
  bench.run();
  const std::uint64_t policed = bench.drops(Drop::wg_policed);
  EXPECT_GT(policed, 0U);
  EXPECT_GE(bench.punts().size(), 200U);
  EXPECT_EQ(policed + bench.punts().size(), 1000U);
}

// All workers together pass on no more than one may.
TEST(Handshakes, ArePolicedOverAllWorkers) {
  Bench bench(2);
  for (int i = 0; i < 200; ++i) {
    bench.receive_sealed(0, initiation(), 0);
    bench.receive_sealed(0, initiation(), 1);
    bench.receive_sealed(0, handshake(2), 1);  // of another class
  }
  const Nanoseconds start = boottime_now();
  bench.run();
  const auto earned = static_cast<std::ptrdiff_t>((boottime_now() - start) / kMillisecond * 2);
  const auto passed = [&](int type) {
    return std::ranges::count_if(bench.punts(), [&](const auto& punt) {
      return punt.payload[0] == static_cast<std::byte>(type);
    });
  };
  EXPECT_GE(passed(1), 200);
  EXPECT_LE(passed(1), 200 + earned + 2);
  EXPECT_EQ(passed(2), 200);
  EXPECT_EQ(bench.drops(Drop::wg_policed) + bench.punts().size(), 600U);
}

Bytes arp() { return ethernet({0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, Bytes(46), 0x0806); }

// One round takes far less than a full ring.
TEST(Handshakes, AFloodedWorkerKeepsNoOtherWaiting) {
  for (const unsigned flooded : {0U, 1U}) {
    Bench bench(2);
    for (int i = 0; i < 3000; ++i) {
      bench.receive(kWan, arp(), flooded);
      if (i % 1000 == 999) {
        bench.run_workers();
      }
    }
    bench.receive_sealed(0, initiation(), 1 - flooded);
    bench.run_workers();
    bench.manager().round();
    bench.link().poll();
    EXPECT_EQ(bench.punts().size(), 1U) << flooded;
  }
}

// What floods the host, the parking place or the cutting has places of its own.
TEST(Handshakes, HavePlacesThatNoOtherFloodTakes) {
  for (const int flood : {0, 1, 2}) {
    Bench bench;
    bench.install(1, kSession1);
    const Bytes big = udp("10.1.0.2", 1, "10.3.0.9", 2, Bytes(1450));
    for (int i = 0; i < 5000; ++i) {
      if (flood == 0) {
        bench.receive(kWan, arp());
      } else {
        bench.receive_ip(kLan, flood == 1 ? to_peer0() : big);
      }
      if (i % 1000 == 999) {
        bench.run_workers();
      }
    }
    bench.receive_sealed(0, initiation());
    bench.run_workers();
    bench.manager().round();
    bench.link().poll();
    EXPECT_EQ(bench.punts().size(), 1U) << flood;
    bench.run();
    EXPECT_GT(bench.drops(Drop::host_ring_full) + bench.drops(Drop::park_full), 0U) << flood;
  }
}

// RFC 6864, 4.1: no two datagrams that may be cut on their way have the same at a time.
TEST(Handshakes, AndDataHaveIdentificationsOfTheirOwn) {
  Bench bench(3);
  bench.install(0, kSession0);
  std::set<std::uint16_t> seen;
  std::size_t sent = 0;
  for (int i = 0; i < 50; ++i) {
    for (const unsigned worker : {0U, 1U, 2U}) {
      bench.receive_ip(kLan, to_peer0(), worker);
    }
    abi::PacketRecord record;
    record.length = 92;
    record.remote_port = htons(40000);
    record.local_port = htons(kListenPort);
    record.neighbour = 0;
    record.remote = address("192.0.2.2");
    record.local = address("192.0.2.1");
    ASSERT_TRUE(bench.link().inject(record));
    bench.run();
    for (const Bytes& frame : bench.sent(kWan)) {
      EXPECT_EQ(internet_sum(cut(frame, 14, 20)), 0);
      seen.insert(get16(frame, 14 + 4));
      ++sent;
    }
  }
  EXPECT_EQ(sent, 200U);
  EXPECT_EQ(seen.size(), sent);
}

}  // namespace
}  // namespace gotthard::packet_test
