// Handshake messages between the network and control.
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace gotthard::packet_test
