// VLANs of a port (IEEE 802.1Q): tags that come and go, and what has none.
#include <gtest/gtest.h>
#include <rte_mbuf.h>

#include "tests/packet/bench.h"

namespace gotthard::packet_test {
namespace {

constexpr std::uint16_t kVlan = 100;
constexpr std::uint16_t kLink = abi::link_of(kLan, kVlan);
constexpr std::uint32_t kSession0 = 0x12340100;
constexpr std::uint32_t kNeighbour = 30;
constexpr std::uint32_t kToVlan = 30;
constexpr std::uint32_t kVlanGlean = 31;
constexpr Mac kVlanMac = {2, 0, 0, 0, 0, 0x40};

Bytes tagged(const Bytes& frame, std::uint16_t control) {
  return cat(cat(cut(frame, 0, 12), {0x81, 0, static_cast<std::uint8_t>(control >> 8),
                                     static_cast<std::uint8_t>(control)}),
             cut(frame, 12));
}

// 10.20.0.0/24 is the VLAN's network, with the gateway's 10.20.0.1 and a host 10.20.0.2.
class Vlan : public testing::Test {
 protected:
  Vlan() {
    bench.command(abi::VlanSet{.link = kLink, .mtu = 1400});
    bench.command(abi::LocalAddressSet{.owner = kLink, .address = address("10.20.0.1")});
    bench.command(abi::NeighbourSet{.neighbour = kNeighbour,
                                    .port = kLink,
                                    .mac = kVlanMac,
                                    .reachable = 1,
                                    .address = address("10.20.0.2")});
    bench.command(abi::NextHopSet{.next_hop = kToVlan,
                                  .kind = abi::HopKind::neighbour,
                                  .port = kLink,
                                  .neighbour = kNeighbour});
    bench.command(
        abi::NextHopSet{.next_hop = kVlanGlean, .kind = abi::HopKind::glean, .port = kLink});
    bench.route("10.20.0.0", 24, kVlanGlean);
    bench.route("10.20.0.2", 32, kToVlan);
    bench.commit();
  }
  Bytes from_vlan(const Bytes& packet) const { return ethernet(bench.mac(kLan), packet); }
  void from_tunnel(const Bytes& packet) {
    bench.receive_sealed(0, seal(keys.receive, kSession0, counter++, packet));
  }

  Bench bench;
  Keys keys = bench.install(0, kSession0);
  std::uint64_t counter = 0;
};

TEST_F(Vlan, CarriesPacketsIntoTheTunnelAndBack) {
  const Bytes there = udp("10.20.0.2", 1, "10.2.0.9", 2, {1, 2, 3});
  // The kernel's or a NIC's priority, and a frame that was padded.
  bench.receive(kLan, tagged(from_vlan(there), 5 << 13 | kVlan));
  bench.receive(kLan, cat(tagged(from_vlan(there), kVlan), Bytes(20)));
  bench.run();
  const auto sealed = bench.sent(kWan);
  ASSERT_EQ(sealed.size(), 2U);
  for (const Bytes& frame : sealed) {
    const auto opened = open(keys.send, cut(frame, 14 + 20 + 8));
    ASSERT_TRUE(opened.has_value());
    EXPECT_EQ(cut(opened->text, 20, there.size() - 20), cut(there, 20));
    EXPECT_EQ(opened->text[8], 63);  // a hop was spent
  }
  const Bytes back = udp("10.2.0.9", 2, "10.20.0.2", 1, {4, 5, 6});
  from_tunnel(back);
  bench.run();
  const auto left = bench.sent(kLan);
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(cut(left[0], 0, 6), Bytes(kVlanMac.begin(), kVlanMac.end()));
  EXPECT_EQ(cut(left[0], 6, 6), Bytes(bench.mac(kLan).begin(), bench.mac(kLan).end()));
  EXPECT_EQ(cut(left[0], 12, 6), (Bytes{0x81, 0, 0, kVlan, 0x08, 0}));
  EXPECT_EQ(cut(left[0], 18 + 20), cut(back, 20));
  EXPECT_EQ(bench.all_drops(), 0U);
}

TEST_F(Vlan, ATagThatTheDriverTookOffCounts) {
  const Bytes frame = from_vlan(udp("10.20.0.2", 1, "10.2.0.9", 2, {1}));
  rte_mbuf* mbuf = rte_pktmbuf_alloc(Bench::pool());
  std::memcpy(rte_pktmbuf_append(mbuf, static_cast<std::uint16_t>(frame.size())), frame.data(),
              frame.size());
  mbuf->vlan_tci = kVlan;
  mbuf->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
  bench.receive(kLan, mbuf);
  // ARP by the same VLAN: the twin gets it with its tag again.
  const Bytes arp = ethernet({0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, Bytes(46), 0x0806);
  mbuf = rte_pktmbuf_alloc(Bench::pool());
  std::memcpy(rte_pktmbuf_append(mbuf, static_cast<std::uint16_t>(arp.size())), arp.data(),
              arp.size());
  mbuf->vlan_tci = kVlan;
  mbuf->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
  bench.receive(kLan, mbuf);
  bench.run();
  EXPECT_EQ(bench.sent(kWan).size(), 1U);
  EXPECT_EQ(bench.at_twin(kLan), std::vector<Bytes>(1, tagged(arp, kVlan)));
  EXPECT_EQ(bench.all_drops(), 0U);
}

TEST_F(Vlan, TheHostGetsItsOwnWithTheirTags) {
  const std::vector<Bytes> frames = {
      tagged(ethernet({0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, Bytes(46), 0x0806), kVlan),
      tagged(from_vlan(udp("10.20.0.2", 5, "10.20.0.1", 53, {1})), kVlan),
      tagged(from_vlan(ip("fe80::2", "fe80::1", 58, Bytes(24))), kVlan),
      // Two pieces of a datagram that no tunnel listens for.
      tagged(from_vlan(as_piece(udp("10.20.0.2", 5, "10.20.0.1", 53, Bytes(16)), 0, true)), kVlan),
  };
  for (const Bytes& frame : frames) {
    bench.receive(kLan, frame);
  }
  bench.run();
  EXPECT_EQ(bench.at_twin(kLan), frames);
  // What the host sends by its own VLAN has the tag already.
  const Bytes answer = tagged(ethernet(kVlanMac, udp("10.20.0.1", 53, "10.20.0.2", 5, {1})), kVlan);
  bench.from_twin(kLan, answer);
  bench.from_twin(kLan,
                  tagged(ethernet(kVlanMac, udp("10.9.9.9", 53, "10.20.0.2", 5, {1})), kVlan));
  bench.from_twin(
      kLan,
      tagged(tagged(ethernet(kVlanMac, udp("10.20.0.1", 53, "10.20.0.2", 5, {1})), 7), kVlan));
  bench.run();
  EXPECT_EQ(bench.sent(kLan), std::vector<Bytes>(1, answer));
  EXPECT_EQ(bench.drops(Drop::twin_source_denied), 2U);
}

TEST_F(Vlan, ATagOfPriorityOnlyIsNone) {
  bench.receive(kLan,
                tagged(ethernet(bench.mac(kLan), udp("10.1.0.2", 1, "10.2.0.9", 2, {1})), 3 << 13));
  bench.run();
  EXPECT_EQ(bench.sent(kWan).size(), 1U);
  EXPECT_EQ(bench.all_drops(), 0U);
}

TEST_F(Vlan, OthersAreDropped) {
  const Bytes frame = from_vlan(udp("10.20.0.2", 1, "10.2.0.9", 2, {1}));
  bench.receive(kLan, tagged(frame, kVlan + 1));
  bench.receive(kLan, tagged(frame, 4095));
  bench.receive(kWan,
                tagged(ethernet(bench.mac(kWan), udp("192.0.2.2", 1, "192.0.2.1", 2, {1})), kVlan));
  bench.run();
  EXPECT_EQ(bench.drops(Drop::unknown_vlan), 3U);
  bench.receive(kLan, tagged(tagged(frame, kVlan), kVlan));  // one tag, no more
  bench.run();
  EXPECT_EQ(bench.drops(Drop::unknown_ethertype), 1U);
  bench.receive(kLan, cut(tagged(frame, kVlan), 0, 17));
  bench.run();
  EXPECT_EQ(bench.drops(Drop::truncated), 1U);
  EXPECT_TRUE(bench.sent(kWan).empty());
}

TEST_F(Vlan, DownOrGoneNothingGoesInOrOut) {
  const Bytes in = tagged(from_vlan(udp("10.20.0.2", 1, "10.2.0.9", 2, {1})), kVlan);
  const Bytes out = udp("10.2.0.9", 2, "10.20.0.2", 1, {1});
  bench.command(abi::VlanSet{.link = kLink, .mtu = 1400, .up = 0});
  bench.settle();
  bench.receive(kLan, in);
  from_tunnel(out);
  bench.run();
  EXPECT_EQ(bench.drops(Drop::unknown_vlan), 2U);
  bench.command(abi::VlanRemove{.link = kLink});
  bench.settle();
  bench.receive(kLan, in);
  from_tunnel(out);
  bench.run();
  EXPECT_EQ(bench.drops(Drop::unknown_vlan), 4U);
  // Another VLAN does not inherit what was meant for this one.
  bench.command(abi::VlanSet{.link = abi::link_of(kLan, 7), .mtu = 1400});
  bench.settle();
  from_tunnel(out);
  bench.run();
  EXPECT_TRUE(bench.sent(kLan).empty());
  EXPECT_EQ(bench.drops(Drop::unknown_vlan), 5U);
  // Back again it is what it was.
  bench.command(abi::VlanSet{.link = kLink, .mtu = 1400});
  bench.settle();
  bench.receive(kLan, in);
  from_tunnel(out);
  bench.run();
  EXPECT_EQ(bench.sent(kWan).size(), 1U);
  EXPECT_EQ(bench.sent(kLan).size(), 1U);
}

TEST_F(Vlan, ItsMtuHolds) {
  from_tunnel(with_df(udp("10.2.0.9", 2, "10.20.0.2", 1, Bytes(1372))));  // 1400
  from_tunnel(with_df(udp("10.2.0.9", 2, "10.20.0.2", 1, Bytes(1373))));
  bench.run();
  ASSERT_EQ(bench.sent(kLan).size(), 1U);
  EXPECT_EQ(bench.drops(Drop::too_big), 1U);
  const auto answers = bench.sent(kWan);
  ASSERT_EQ(answers.size(), 1U);
  const auto opened = open(keys.send, cut(answers[0], 14 + 20 + 8));
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(opened->text[20], 3);            // destination unreachable
  EXPECT_EQ(get16(opened->text, 26), 1400);  // fragmentation needed
}

TEST_F(Vlan, AnswersComeFromItsAddress) {
  bench.receive(kLan, tagged(from_vlan(udp("10.20.0.2", 1, "10.99.0.1", 2, {1})), kVlan));
  bench.run();
  const auto answers = bench.sent(kLan);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(cut(answers[0], 12, 4), (Bytes{0x81, 0, 0, kVlan}));
  EXPECT_EQ(cut(answers[0], 18 + 12, 4), raw(address("10.20.0.1")));
}

TEST_F(Vlan, UnknownNeighboursAreAskedForThere) {
  from_tunnel(udp("10.2.0.9", 2, "10.20.0.7", 1, {1}));
  bench.run();
  const auto asked = bench.events<abi::NeedNeighbour>();
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].port, kLink);
  EXPECT_EQ(asked[0].address, address("10.20.0.7"));
  bench.command(abi::NeighbourSet{.neighbour = 31,
                                  .port = kLink,
                                  .mac = kVlanMac,
                                  .reachable = 1,
                                  .address = address("10.20.0.7")});
  bench.command(abi::NextHopSet{
      .next_hop = 32, .kind = abi::HopKind::neighbour, .port = kLink, .neighbour = 31});
  bench.route("10.20.0.7", 32, 32);
  bench.commit();
  bench.run();
  EXPECT_EQ(bench.sent(kLan).size(), 1U);
}

TEST_F(Vlan, OfTheUnderlayLeaksNothing) {
  constexpr std::uint16_t kOuter = abi::link_of(kWan, kVlan);
  bench.command(abi::VlanSet{.link = kOuter, .mtu = 1500});
  bench.command(abi::NeighbourSet{.neighbour = 32,
                                  .port = kOuter,
                                  .mac = kPeerMac,
                                  .reachable = 1,
                                  .address = address("192.0.2.2")});
  bench.command(abi::NextHopSet{
      .next_hop = 33, .kind = abi::HopKind::neighbour, .port = kOuter, .neighbour = 32});
  bench.route("203.0.113.0", 24, 33);
  // The peer is there too.
  abi::PeerSet peer = bench.peer(0);
  peer.endpoint.neighbour = 32;
  bench.command(peer);
  bench.commit();
  bench.receive_ip(kLan, udp("10.1.0.2", 1, "203.0.113.9", 2, {1}));
  bench.run();
  EXPECT_EQ(bench.drops(Drop::plain_to_underlay), 1U);
  bench.receive_ip(kLan, udp("10.1.0.2", 1, "10.2.0.9", 2, {1}));
  bench.run();
  const auto sealed = bench.sent(kWan);
  ASSERT_EQ(sealed.size(), 1U);
  EXPECT_EQ(cut(sealed[0], 12, 6), (Bytes{0x81, 0, 0, kVlan, 0x08, 0}));
  EXPECT_TRUE(open(keys.send, cut(sealed[0], 18 + 20 + 8)).has_value());
  // And is heard there.
  bench.receive(kWan,
                tagged(ethernet(bench.mac(kWan), udp("192.0.2.2", 40000, "192.0.2.1", kListenPort,
                                                     seal(keys.receive, kSession0, counter++,
                                                          udp("10.2.0.9", 1, "10.1.0.2", 2, {7})))),
                       kVlan));
  bench.run();
  EXPECT_EQ(bench.sent(kLan).size(), 1U);
}

TEST_F(Vlan, ThereAreAsManyAsThereIsRoomFor) {
  for (std::uint16_t vlan = 1; vlan <= abi::kMaxVlans; ++vlan) {  // one of them is there
    bench.command(abi::VlanSet{.link = abi::link_of(kLan, 1000 + vlan), .mtu = 1500});
  }
  bench.settle();
  EXPECT_EQ(bench.events<abi::CommandRefused>().size(), 1U);
  bench.command(abi::VlanSet{.link = abi::link_of(2, 5), .mtu = 1500});  // there is no third port
  bench.settle();
  EXPECT_EQ(bench.events<abi::CommandRefused>().size(), 2U);
}

TEST_F(Vlan, ANewControlsVlansReplaceTheFormers) {
  bench.attach();
  bench.command(abi::ResyncBegin{});
  bench.send_state();
  bench.command(abi::VlanSet{.link = abi::link_of(kLan, 7), .mtu = 1500});
  bench.command(abi::ResyncEnd{});
  bench.settle();
  bench.receive(kLan, tagged(from_vlan(udp("10.20.0.2", 1, "10.2.0.9", 2, {1})), kVlan));
  bench.run();
  EXPECT_EQ(bench.drops(Drop::unknown_vlan), 1U);
  bench.receive(kLan, tagged(from_vlan(udp("10.20.0.2", 1, "10.2.0.9", 2, {1})), 7));
  bench.run();
  EXPECT_EQ(bench.sent(kWan).size(), 1U);
}

}  // namespace
}  // namespace gotthard::packet_test
