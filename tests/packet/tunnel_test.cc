// What goes through tunnels.
#include <gtest/gtest.h>

#include <set>

#include "tests/packet/messages.h"

namespace gotthard::packet_test {
namespace {

struct Shape {
  const char* name;
  bool inner6;
  bool outer6;
};
class Shapes : public testing::TestWithParam<Shape> {};
INSTANTIATE_TEST_SUITE_P(Tunnel, Shapes,
                         testing::Values(Shape{"V4InV4", false, false},
                                         Shape{"V6InV4", true, false}, Shape{"V4InV6", false, true},
                                         Shape{"V6InV6", true, true}),
                         [](const auto& shape) { return std::string(shape.param.name); });

std::string lan_host(bool v6) { return v6 ? "fd01::2" : "10.1.0.2"; }
std::string far_host(bool v6, std::uint32_t peer) {
  return std::string(v6 ? "fd0" : "10.") + std::to_string(peer + 2) + (v6 ? "::9" : ".0.9");
}

TEST_P(Shapes, SealsWhatTheLanSends) {
  Bench bench;
  const std::uint32_t peer = GetParam().outer6 ? 1 : 0;
  const Keys keys = bench.install(peer, kSession0);
  for (std::size_t size = 1; size <= 40; ++size) {
    const Bytes packet = udp(lan_host(GetParam().inner6), 1000, far_host(GetParam().inner6, peer),
                             2000, Bytes(size, 0x5a));
    Bytes frame = packet;
    frame.resize(frame.size() + 3, 0xee);  // Ethernet padding goes no further
    bench.receive_ip(kLan, frame);
    bench.run();
    const auto sent = bench.sent(kWan);
    ASSERT_EQ(sent.size(), 1U);
    const auto opened = open(keys.send, message_in(sent[0], GetParam().outer6));
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->receiver, Bench::remote_id(kSession0));
    EXPECT_EQ(opened->counter, size - 1);
    EXPECT_EQ(opened->text.size(), (packet.size() + 15) / 16 * 16);
    Bytes expected = packet;  // one hop less
    expected[GetParam().inner6 ? 7 : 8] = 63;
    if (!GetParam().inner6) {
      put16(&expected, 10, 0);
      put16(&expected, 10, internet_sum(cut(expected, 0, 20)));
    }
    expected.resize(opened->text.size());
    EXPECT_EQ(opened->text, expected);
  }
  EXPECT_EQ(bench.all_drops(), 0U);
}

TEST_P(Shapes, OpensWhatThePeerSends) {
  Bench bench;
  const std::uint32_t peer = GetParam().outer6 ? 1 : 0;
  const Keys keys = bench.install(peer, kSession0);
  const Bytes packet = udp(far_host(GetParam().inner6, peer), 1000, lan_host(GetParam().inner6),
                           2000, {1, 2, 3, 4, 5});
  Bytes padded = packet;
  padded.resize((padded.size() + 15) / 16 * 16);
  bench.receive_sealed(peer, seal(keys.receive, kSession0, 5, padded));
  bench.run();
  const auto sent = bench.sent(kLan);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(cut(sent[0], 0, 6), Bytes(kLanMac.begin(), kLanMac.end()));
  const Bytes inner = cut(sent[0], 14);
  ASSERT_EQ(inner.size(), packet.size());
  EXPECT_EQ(inner[GetParam().inner6 ? 7 : 8], 63);
  EXPECT_EQ(udp_sum(inner), 0);
  if (!GetParam().inner6) {
    EXPECT_EQ(internet_sum(cut(inner, 0, 20)), 0);
  }
}

TEST(Tunnel, PaddingStopsAtTheMtu) {
  Bench bench;
  const Keys keys = bench.install(0, kSession0);
  const Bytes packet = udp("10.1.0.2", 1, "10.2.0.9", 2, Bytes(kTunnelMtu - 28));
  bench.receive_ip(kLan, packet);
  bench.run();
  const auto sent = bench.sent(kWan);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(open(keys.send, message_in(sent[0], false)).value().text.size(), kTunnelMtu);
}

TEST(Tunnel, AnyWorkerSealsAndOpensAnySession) {
  Bench bench(2);
  const Keys keys = bench.install(0, kSession0);
  for (unsigned i = 0; i < 200; ++i) {
    bench.receive_ip(kLan, to_peer0(), i % 2);
    bench.receive_sealed(0, seal(keys.receive, kSession0, i, from_peer0()), i % 2);
    if (i % 7 == 0) {
      bench.run();
    }
  }
  bench.run();
  std::set<std::uint64_t> counters;
  for (const Bytes& frame : bench.sent(kWan)) {
    const auto opened = open(keys.send, message_in(frame, false));
    ASSERT_TRUE(opened);
    EXPECT_TRUE(counters.insert(opened->counter).second) << "counter used twice";
  }
  EXPECT_EQ(counters.size(), 200U);
  EXPECT_EQ(*counters.rbegin(), 199U);
  EXPECT_EQ(bench.sent(kLan).size(), 200U);
}

TEST(Tunnel, FromTunnelToTunnel) {
  Bench bench;
  const Keys from = bench.install(0, kSession0);
  const Keys to = bench.install(1, kSession1);
  bench.receive_sealed(
      0, seal(from.receive, kSession0, 0, udp("10.2.0.9", 1, "10.3.0.9", 2, Bytes(100))));
  bench.run();
  const auto sent = bench.sent(kWan);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_TRUE(open(to.send, message_in(sent[0], true)));
}

class SourcePorts : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Tunnel, SourcePorts, testing::Bool());

TEST_P(SourcePorts, FlowsAreSpreadAndEachKeepsItsOwn) {
  const bool v6 = GetParam();
  const std::uint32_t peer = v6 ? 1 : 0;
  Bench bench;
  const Keys keys = bench.install(peer, kSession0);
  bench.command(abi::InterfaceSet{
      .interface = 0, .listen_port = htons(kListenPort), .mtu = kTunnelMtu, .source_ports = 16});
  bench.settle();
  std::set<std::uint16_t> ports;
  for (std::uint16_t flow = 0; flow < 200; ++flow) {
    std::set<std::uint16_t> of_flow;
    for (std::size_t size : {1, 50, 900}) {
      bench.receive_ip(kLan, udp(lan_host(v6), flow, far_host(v6, peer), 2, Bytes(size)));
      bench.run();
      const auto sent = bench.sent(kWan);
      ASSERT_EQ(sent.size(), 1U);
      const Bytes packet = cut(sent[0], 14);
      EXPECT_EQ(udp_sum(packet) == 0 || !v6, true);
      of_flow.insert(get16(packet, ip_header_size(packet)));
      EXPECT_TRUE(open(keys.send, cut(packet, ip_header_size(packet) + 8)));
    }
    EXPECT_EQ(of_flow.size(), 1U);
    ports.insert(*of_flow.begin());
  }
  EXPECT_EQ(ports.size(), 16U);
  EXPECT_EQ(*ports.begin(), kListenPort);
  EXPECT_EQ(*ports.rbegin(), kListenPort + 15);

  // What the peer sends to any of them, from any of as many of its own, is no move of its endpoint.
  std::uint64_t counter = 0;
  for (std::uint16_t port = 0; port < 17; ++port) {
    const Bytes message = seal(keys.receive, kSession0, counter++,
                               udp(far_host(v6, peer), 1, lan_host(v6), 2, Bytes(10)));
    bench.receive_ip(
        kWan, udp(v6 ? "2001:db8::2" : "192.0.2.2", static_cast<std::uint16_t>(40000 + port % 16),
                  v6 ? "2001:db8::1" : "192.0.2.1", static_cast<std::uint16_t>(kListenPort + port),
                  message));
    bench.run();
    EXPECT_EQ(bench.sent(kLan).size(), port < 16 ? 1U : 0U) << port;
  }
  EXPECT_TRUE(bench.events<abi::EndpointMoved>().empty());
  bench.receive_ip(kWan,
                   udp(v6 ? "2001:db8::2" : "192.0.2.2", 40016, v6 ? "2001:db8::1" : "192.0.2.1",
                       kListenPort, seal(keys.receive, kSession0, counter, {})));
  bench.run();
  EXPECT_EQ(bench.events<abi::EndpointMoved>().size(), 1U);
}

TEST(Tunnel, KeepalivesInAndOut) {
  Bench bench;
  const Keys keys = bench.install(0, kSession0);
  bench.receive_sealed(0, seal(keys.receive, kSession0, 0, {}));
  bench.command(abi::KeepaliveSend{.peer = 0});
  bench.run();
  const auto sent = bench.sent(kWan);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_TRUE(open(keys.send, message_in(sent[0], false)).value().text.empty());
  EXPECT_EQ(bench.all_drops(), 0U);
  EXPECT_EQ(bench.link().directory()->peer[0].rx_keepalives.load(), 1U);
  EXPECT_EQ(bench.link().directory()->peer[0].tx_keepalives.load(), 1U);
}

}  // namespace
}  // namespace gotthard::packet_test
