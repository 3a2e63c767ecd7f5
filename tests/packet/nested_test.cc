// Tunnels within tunnels.
#include <gtest/gtest.h>

#include "tests/packet/messages.h"

namespace gotthard::packet_test {
namespace {

constexpr std::uint32_t kInnerPeer = 5;
constexpr std::uint32_t kInnerSession = 0x12345105;
constexpr std::uint16_t kInnerPort = 51821;

// wg1 (interface 1) has peer 5, which is at 10.2.0.5, behind peer 0 of wg0. It owns 10.20.0.0/16.
class Nested : public testing::Test {
 protected:
  Nested() {
    bench.command(abi::InterfaceSet{.interface = 1,
                                    .listen_port = htons(kInnerPort),
                                    .mtu = kTunnelMtu,
                                    .name = {'w', 'g', '1'},
                                    .mac1_key = kMac1Key});
    bench.command(
        abi::LocalAddressSet{.owner = abi::kTunnelOwner, .address = address("172.31.0.1")});
    set_peer(kInnerPeer, 1, "10.2.0.5", 0);
    bench.command(abi::NextHopSet{.next_hop = 40,
                                  .kind = abi::HopKind::tunnel,
                                  .interface = 1,
                                  .mtu = kTunnelMtu,
                                  .peer = kInnerPeer});
    bench.command(abi::OwnerSet{.owner = 40, .peer = kInnerPeer, .interface = 1});
    bench.command(abi::NextHopSet{.next_hop = 41, .kind = abi::HopKind::local, .interface = 0});
    bench.route("10.20.0.0", 16, 40);
    bench.route("10.20.0.0", 16, 40, abi::Table::sources);
    bench.route("172.31.0.1", 32, 41);
    bench.commit();
    inner_keys = bench.install(kInnerPeer, kInnerSession);
  }
  void set_peer(std::uint32_t peer, std::uint16_t interface, const std::string& remote,
                std::uint32_t through) {
    abi::PeerSet set = bench.peer(0);
    set.peer = peer;
    set.interface = interface;
    set.public_key[0] = static_cast<std::uint8_t>(peer);
    set.endpoint = {.remote = address(remote),
                    .local = address("172.31.0.1"),
                    .remote_port = htons(kInnerPort),
                    .local_port = htons(kInnerPort),
                    .through = through,
                    .mtu = kTunnelMtu};
    bench.command(set);
    bench.settle();
  }
  // What a frame on the underlay carries to peer 5.
  std::optional<Opened> unwrap(const Bytes& frame) {
    const auto outer = open(outer_keys.send, cut(frame, 14 + 20 + 8));
    if (!outer) {
      return std::nullopt;
    }
    EXPECT_EQ(cut(outer->text, 12, 8), cat(raw(address("172.31.0.1")), raw(address("10.2.0.5"))));
    EXPECT_EQ(get16(outer->text, 22), kInnerPort);
    const std::uint16_t size = get16(outer->text, 20 + 4);
    return open(inner_keys.send, cut(outer->text, 28, size - 8U));
  }
  void from_inner_peer(const Bytes& packet, const std::string& to = "172.31.0.1") {
    const Bytes message = seal(inner_keys.receive, kInnerSession, inner_counter++, packet);
    bench.receive_sealed(0, seal(outer_keys.receive, kSession0, outer_counter++,
                                 udp("10.2.0.5", kInnerPort, to, kInnerPort, message)));
  }

  Bench bench;
  Keys outer_keys = bench.install(0, kSession0);
  Keys inner_keys;
  std::uint64_t outer_counter = 0, inner_counter = 0;
};

TEST_F(Nested, SealsTwice) {
  const Bytes packet = with_class(udp("10.1.0.2", 1, "10.20.0.9", 2, {1, 2, 3}), 1);
  bench.receive_ip(kLan, packet);
  bench.run();
  const auto sent = bench.sent(kWan);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0][15], 1);  // congestion marks go through both
  const auto opened = unwrap(sent[0]);
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(cut(opened->text, 20, packet.size() - 20), cut(packet, 20));
  EXPECT_EQ(bench.all_drops(), 0U);
}

TEST_F(Nested, OpensTwice) {
  from_inner_peer(udp("10.20.0.9", 2, "10.1.0.2", 1, {4, 5, 6}));
  bench.run();
  const auto sent = bench.sent(kLan);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(cut(sent[0], 14 + 28), (Bytes{4, 5, 6}));
  EXPECT_TRUE(bench.at_tun().empty());
  EXPECT_EQ(bench.all_drops(), 0U);
}

TEST_F(Nested, EachTunnelChecksItsSources) {
  from_inner_peer(udp("10.2.0.9", 2, "10.1.0.2", 1, {1}));  // peer 0's, not peer 5's
  bench.run();
  EXPECT_EQ(bench.drops(Drop::wg_source_denied), 1U);
  const Bytes inner = seal(inner_keys.receive, kInnerSession, inner_counter++,
                           udp("10.20.0.9", 2, "10.1.0.2", 1, {1}));
  bench.receive_sealed(0, seal(outer_keys.receive, kSession0, outer_counter++,
                               udp("10.9.0.5", kInnerPort, "172.31.0.1", kInnerPort, inner)));
  bench.run();
  EXPECT_EQ(bench.drops(Drop::wg_source_denied), 2U);
  EXPECT_TRUE(bench.sent(kLan).empty());
}

TEST_F(Nested, HandshakesGoToControlAndComeFromThere) {
  bench.receive_sealed(0,
                       seal(outer_keys.receive, kSession0, outer_counter++,
                            udp("10.2.0.5", kInnerPort, "172.31.0.1", kInnerPort, initiation())));
  bench.run();
  ASSERT_EQ(bench.punts().size(), 1U);
  EXPECT_EQ(bench.punts()[0].interface, 1);
  EXPECT_EQ(bench.punts()[0].remote, address("10.2.0.5"));
  abi::PacketRecord record;
  record.interface = 1;
  record.length = 148;
  record.remote = address("10.2.0.5");
  record.local = address("172.31.0.1");
  record.remote_port = htons(kInnerPort);
  record.local_port = htons(kInnerPort);
  record.through = 0;
  record.payload[0] = std::byte{1};
  EXPECT_TRUE(bench.link().inject(record));
  bench.run();
  const auto sent = bench.sent(kWan);
  ASSERT_EQ(sent.size(), 1U);
  const auto outer = open(outer_keys.send, cut(sent[0], 14 + 20 + 8));
  ASSERT_TRUE(outer.has_value());
  EXPECT_EQ(outer->text[28], 1);
  EXPECT_EQ(get16(outer->text, 24), 148 + 8);
  // Through nobody it goes nowhere.
  record.through = 77;
  EXPECT_TRUE(bench.link().inject(record));
  bench.run();
  EXPECT_TRUE(bench.sent(kWan).empty());
}

TEST_F(Nested, ItTakesWhatFitsInTheOther) {
  // 1420 less an IPv4 encapsulation.
  bench.receive_ip(kLan, with_df(udp("10.1.0.2", 1, "10.20.0.9", 2, Bytes(1360 - 28))));
  bench.receive_ip(kLan, with_df(udp("10.1.0.2", 1, "10.20.0.9", 2, Bytes(1360 - 27))));
  bench.run();
  EXPECT_EQ(bench.sent(kWan).size(), 1U);
  const auto answers = bench.sent(kLan);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(get16(answers[0], 14 + 26), 1360);
  EXPECT_EQ(bench.drops(Drop::too_big), 1U);
}

TEST_F(Nested, WaitsForTheOthersSession) {
  bench.command(abi::SessionRemove{.local_id = kSession0});
  bench.settle();
  bench.receive_ip(kLan, udp("10.1.0.2", 1, "10.20.0.9", 2, {1}));
  bench.run();
  EXPECT_TRUE(bench.sent(kWan).empty());
  const auto asked = bench.events<abi::NeedHandshake>();
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].peer, 0U);
  outer_keys = bench.install(0, kSession0 + 0x10001);
  bench.run();
  const auto sent = bench.sent(kWan);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_TRUE(unwrap(sent[0]).has_value());
}

TEST_F(Nested, FourTunnelsAreTheMost) {
  std::vector<Keys> keys{outer_keys, inner_keys};
  for (std::uint16_t i = 2; i < 5; ++i) {
    bench.command(
        abi::InterfaceSet{.interface = i,
                          .listen_port = htons(static_cast<std::uint16_t>(kInnerPort + i)),
                          .mtu = kTunnelMtu,
                          .name = {'w', 'g'},
                          .mac1_key = kMac1Key});
    set_peer(kInnerPeer + i, i, "10.2.0.5", i == 2 ? kInnerPeer : kInnerPeer + i - 1U);
    keys.push_back(bench.install(kInnerPeer + i, kInnerSession + 0x10001U * i));
    const auto hop = static_cast<std::uint32_t>(50 + i);
    bench.command(abi::NextHopSet{.next_hop = hop,
                                  .kind = abi::HopKind::tunnel,
                                  .interface = i,
                                  .mtu = kTunnelMtu,
                                  .peer = kInnerPeer + i});
    bench.route("10.2" + std::to_string(i) + ".0.0", 16, hop);
  }
  bench.commit();
  const Bytes packet = udp("10.1.0.2", 1, "10.23.0.9", 2, Bytes(1000, 7));
  bench.receive_ip(kLan, packet);
  bench.run();
  const auto sent = bench.sent(kWan);
  ASSERT_EQ(sent.size(), 1U);
  Bytes message = cut(sent[0], 14 + 28);
  for (int i = 0; i < 4; ++i) {
    const auto opened = open(keys[static_cast<std::size_t>(i)].send, message);
    ASSERT_TRUE(opened.has_value()) << i;
    message = i == 3 ? opened->text : cut(opened->text, 28, get16(opened->text, 24) - 8U);
  }
  EXPECT_EQ(cut(message, 28, 1000), Bytes(1000, 7));
  bench.receive_ip(kLan, udp("10.1.0.2", 1, "10.24.0.9", 2, {1}));
  bench.run();
  EXPECT_TRUE(bench.sent(kWan).empty());
  EXPECT_EQ(bench.drops(Drop::tunnel_loop), 1U);
}

TEST_F(Nested, ATunnelWithinItselfIsStopped) {
  // Sealed: peer 0's endpoint behind itself.
  set_peer(0, 0, "10.2.0.5", 0);
  bench.receive_ip(kLan, udp("10.1.0.2", 1, "10.2.0.9", 2, {1}));
  bench.run();
  EXPECT_TRUE(bench.sent(kWan).empty());
  EXPECT_EQ(bench.drops(Drop::tunnel_loop), 1U);
  // Opened: wg0's own packets within wg0.
  const Bytes within =
      seal(outer_keys.receive, kSession0, 1000, udp("10.2.0.9", 2, "10.1.0.2", 1, {1}));
  bench.receive_sealed(0, seal(outer_keys.receive, kSession0, 1001,
                               udp("10.2.0.5", 9, "172.31.0.1", kListenPort, within)));
  bench.run();
  EXPECT_TRUE(bench.sent(kLan).empty());
  EXPECT_EQ(bench.drops(Drop::tunnel_loop), 2U);
}

TEST_F(Nested, OtherDatagramsToUsAreTheHosts) {
  const Bytes packet = udp("10.2.0.5", 9, "172.31.0.1", 53, {1});
  bench.receive_sealed(0, seal(outer_keys.receive, kSession0, outer_counter++, packet));
  bench.run();
  EXPECT_EQ(bench.at_tun(), std::vector<Bytes>(1, packet));
  // Too short for a message, and of no type.
  for (const Bytes& bad : {Bytes{1}, Bytes{9, 0, 0, 0, 0, 0}}) {
    bench.receive_sealed(0, seal(outer_keys.receive, kSession0, outer_counter++,
                                 udp("10.2.0.5", 9, "172.31.0.1", kInnerPort, bad)));
  }
  bench.run();
  EXPECT_TRUE(bench.at_tun().empty());
  EXPECT_EQ(bench.drops(Drop::bad_udp_length), 1U);
  EXPECT_EQ(bench.drops(Drop::wg_bad_type), 1U);
}

}  // namespace
}  // namespace gotthard::packet_test
