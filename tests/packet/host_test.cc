// What the host gets, and what it may send.
#include <gtest/gtest.h>

#include "tests/packet/messages.h"

namespace gotthard::packet_test {
namespace {

TEST(Host, GetsArpNeighbourDiscoveryLocalAndMulticast) {
  Bench bench;
  const std::vector<Bytes> frames = {
      ethernet({0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, Bytes(46), 0x0806),
      ethernet({0x33, 0x33, 0, 0, 0, 1}, ip("fe80::2", "ff02::1", 58, Bytes(24))),
      ethernet(bench.mac(kWan), ip("fe80::2", "fe80::1", 58, Bytes(24))),
      ethernet(bench.mac(kWan), udp("192.0.2.9", 5, "192.0.2.1", 53, {1})),
      ethernet({1, 0, 0x5e, 0, 0, 5}, ip("192.0.2.9", "224.0.0.5", 89, Bytes(24)))};
  for (const Bytes& frame : frames) {
    bench.receive(kWan, frame);
  }
  bench.run();
  EXPECT_EQ(bench.at_twin(kWan), frames);
  EXPECT_EQ(bench.all_drops(), 0U);
}

TEST(Host, SendsByItsTwinOnlyFromLocalAddresses) {
  Bench bench;
  const Bytes ours = ethernet(kPeerMac, udp("192.0.2.1", 5, "192.0.2.9", 53, {1}));
  bench.from_twin(kWan, ours);
  bench.from_twin(kWan, ethernet(kPeerMac, udp("10.1.0.2", 5, "192.0.2.9", 53, {1})));
  bench.run();
  EXPECT_EQ(bench.sent(kWan), std::vector<Bytes>(1, ours));
  EXPECT_EQ(bench.drops(Drop::twin_source_denied), 1U);
}

TEST(Host, GetsWhatPeersSendToTheGatewayByTheTun) {
  Bench bench;
  const Keys keys = bench.install(0, kSession0);
  constexpr std::uint32_t kLocal = 20;
  bench.command(abi::NextHopSet{.next_hop = kLocal, .kind = abi::HopKind::local, .interface = 0});
  bench.route("10.1.0.1", 32, kLocal);
  bench.commit();
  const Bytes packet = udp("10.2.0.9", 1, "10.1.0.1", 2, {1, 2, 3});
  bench.receive_sealed(0, seal(keys.receive, kSession0, 0, packet));
  bench.run();
  EXPECT_EQ(bench.at_tun(), std::vector<Bytes>(1, packet));
  EXPECT_EQ(bench.all_drops(), 0U);
}

TEST(Host, PacketsFromTheTunAreSealedToTheOwnerOfTheirDestination) {
  Bench bench;
  const Keys keys = bench.install(1, kSession1);
  const Bytes packet = udp("10.1.0.1", 5, "10.3.0.1", 6, Bytes(20));  // 48 bytes: no padding
  bench.from_tun(packet);
  bench.from_tun(udp("10.1.0.1", 5, "10.99.0.1", 6, {}));
  bench.run();
  const auto sent = bench.sent(kWan);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(open(keys.send, message_in(sent[0], true)).value().text, packet);
  EXPECT_EQ(bench.drops(Drop::no_peer), 1U);
}

}  // namespace
}  // namespace gotthard::packet_test
