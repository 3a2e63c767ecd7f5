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

// It may answer a neighbour's question before the data plane knows that the address is its own.
TEST(Host, IsHeardOnceItsAddressesAreKnown) {
  Bench bench(1, {.told = false});
  const Bytes ours = ethernet(kPeerMac, udp("192.0.2.1", 5, "192.0.2.9", 53, {1}));
  bench.from_twin(kWan, ours);
  bench.from_tun(udp("172.31.0.1", 5, "10.2.0.9", 53, {1}));
  bench.run();
  EXPECT_TRUE(bench.sent(kWan).empty());
  bench.tell();
  bench.run();
  EXPECT_EQ(bench.sent(kWan), std::vector<Bytes>(1, ours));
  EXPECT_EQ(bench.events<abi::NeedHandshake>().size(), 1U);
  EXPECT_EQ(bench.all_drops(), 0U);
}

// Bound to the underlay's twin, or by a route of the kernel's that is none of ours.
TEST(Host, SendsNothingByTheUnderlaysTwinThatGoesByATunnel) {
  Bench bench;
  for (const char* to : {"10.2.0.9", "10.3.1.1", "10.5.0.1"}) {  // two peers', a blackhole
    bench.from_twin(kWan, ethernet(kPeerMac, udp("192.0.2.1", 5, to, 53, {1})));
  }
  bench.from_twin(kWan, ethernet(kPeerMac, udp("2001:db8::1", 5, "fd02::9", 53, {1})));
  bench.run();
  EXPECT_TRUE(bench.sent(kWan).empty());
  EXPECT_EQ(bench.drops(Drop::plain_to_underlay), 4U);
  const std::vector<Bytes> plain = {
      ethernet(kPeerMac, udp("192.0.2.1", 5, "198.51.100.1", 53, {1})),
      ethernet(kPeerMac, udp("192.0.2.1", 5, "224.0.0.5", 53, {1})),
      ethernet(kPeerMac, udp("fe80::1", 5, "ff02::5", 53, {1}))};
  for (const Bytes& frame : plain) {
    bench.from_twin(kWan, frame);
  }
  bench.run();
  EXPECT_EQ(bench.sent(kWan), plain);
  // The same on the inside is for the host to decide.
  bench.from_twin(kLan, ethernet(kLanMac, udp("10.1.0.1", 5, "10.2.0.9", 53, {1})));
  bench.run();
  EXPECT_EQ(bench.sent(kLan).size(), 1U);
  EXPECT_EQ(bench.all_drops(), 4U);
}

// Transit between underlays, and what a TUN says: never in plain to where a tunnel leads.
TEST(Host, NothingFromTheUnderlayOrTheTunLeavesInPlainForATunnelsPrefix) {
  Bench bench;
  bench.receive_ip(kWan, udp("198.51.100.2", 1, "10.2.0.9", 2, {1}));
  bench.from_tun(udp("172.31.0.1", 1, "10.2.0.9", 2, {1}));  // no session: it waits
  bench.command(abi::InterfaceSet{
      .interface = 0, .listen_port = htons(kListenPort), .mtu = kTunnelMtu, .up = 0});
  bench.settle();
  bench.receive_ip(kWan, udp("198.51.100.2", 1, "10.2.0.9", 2, {1}));
  bench.run();
  // As when the tunnel's route is gone and its blackhole is what is left.
  bench.route("10.2.0.0", 16, kBlackhole);
  bench.commit();
  bench.receive_ip(kWan, udp("198.51.100.2", 1, "10.2.0.9", 2, {1}));
  bench.run();
  EXPECT_TRUE(bench.sent(kWan).empty());
  EXPECT_EQ(bench.drops(Drop::inside_from_underlay), 2U);
  EXPECT_EQ(bench.drops(Drop::blackhole), 1U);
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

// A tunnel is a link like others to OSPF, Babel and BGP.
class OnLink : public testing::Test {
 protected:
  OnLink() {
    for (const auto& [prefix, length] : std::vector<std::pair<std::string, std::uint8_t>>{
             {"169.254.10.0", 30}, {"224.0.0.0", 24}, {"fe80::", 64}, {"ff02::", 16}}) {
      bench.route(prefix, length, 1, abi::Table::sources);
    }
    bench.command(abi::NextHopSet{.next_hop = 20, .kind = abi::HopKind::local, .interface = 0});
    bench.route("172.31.0.1", 32, 20);
    bench.commit();
  }
  void from_peer(const Bytes& packet) {
    bench.receive_sealed(0, seal(keys.receive, kSession0, counter++, packet));
  }
  Bench bench;
  Keys keys = bench.install(0, kSession0);
  std::uint64_t counter = 0;
};

TEST_F(OnLink, WhatPeersSayThereReachesTheTun) {
  const std::vector<Bytes> packets = {
      ip("10.2.0.9", "224.0.0.5", 89, Bytes(24), 1),
      ip("fe80::2", "ff02::5", 89, Bytes(24), 1),
      udp("fe80::2", 6696, "ff02::1:6", 6696, {1, 2, 3}, 1),
      udp("10.2.0.9", 1, "255.255.255.255", 67, {1}),
      ip("fe80::2", "fe80::1", 58, Bytes(8), 255),
      ip("169.254.10.2", "169.254.10.1", 6, Bytes(20), 1),
      ip("169.254.10.2", "172.31.0.1", 6, Bytes(20), 1),
  };
  for (const Bytes& packet : packets) {
    from_peer(packet);
  }
  bench.run();
  EXPECT_EQ(bench.at_tun(), packets);
  EXPECT_EQ(bench.all_drops(), 0U);
}

TEST_F(OnLink, IsWhereItEnds) {
  from_peer(udp("169.254.10.2", 1, "10.1.0.2", 2, {}));
  from_peer(udp("fe80::2", 1, "fd01::2", 2, {}));
  from_peer(udp("169.254.10.2", 1, "10.3.0.9", 2, {}));
  from_peer(udp("169.254.10.2", 1, "10.66.0.9", 2, {}));
  bench.run();
  EXPECT_EQ(bench.drops(Drop::martian_source), 4U);
  for (const char* to : {"127.0.0.1", "0.0.0.0", "240.0.0.1"}) {
    from_peer(udp("10.2.0.9", 1, to, 2, {}));
  }
  from_peer(udp("fd02::9", 1, "::1", 2, {}));
  bench.run();
  EXPECT_EQ(bench.drops(Drop::not_forwarded), 4U);
  from_peer(udp("169.254.99.2", 1, "224.0.0.5", 2, {}));
  bench.run();
  EXPECT_EQ(bench.drops(Drop::wg_source_denied), 1U) << "in nobody's allowed IPs";
  EXPECT_EQ(bench.all_drops(), 9U);
  EXPECT_TRUE(bench.at_tun().empty());
  EXPECT_TRUE(bench.sent(kLan).empty());
  EXPECT_TRUE(bench.sent(kWan).empty());
}

TEST_F(OnLink, TheHostSpeaksThereToThePeerWhoseAllowedIpsCoverIt) {
  const std::vector<Bytes> packets = {ip("172.31.0.1", "224.0.0.5", 89, Bytes(28), 1),
                                      ip("169.254.10.1", "169.254.10.2", 6, Bytes(28), 1),
                                      ip("fe80::1", "ff02::5", 89, Bytes(24), 1),
                                      ip("fe80::1", "fe80::2", 58, Bytes(24), 255)};
  for (const Bytes& packet : packets) {
    bench.from_tun(packet);
  }
  bench.run();
  const auto sent = bench.sent(kWan);
  ASSERT_EQ(sent.size(), packets.size());
  for (std::size_t i = 0; i < sent.size(); ++i) {
    EXPECT_EQ(open(keys.send, message_in(sent[i], false)).value().text, packets[i]);
  }
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
