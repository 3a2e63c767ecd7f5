// Every reason for which a packet is dropped, by a packet that must be.
#include <gtest/gtest.h>

#include "tests/packet/bench.h"

namespace gotthard::packet_test {
namespace {

constexpr std::uint32_t kSession = 0x12340100;

class Drops : public testing::Test {
 protected:
  // Nothing left by any port but answers to the LAN's host, and this was the only reason.
  void expect(Drop reason, std::uint64_t count = 1, std::size_t answers = 0) {
    bench.run();
    EXPECT_TRUE(bench.sent(kWan).empty());
    EXPECT_EQ(bench.sent(kLan).size(), answers);
    EXPECT_EQ(bench.drops(reason), count) << name(reason);
    EXPECT_EQ(bench.all_drops(), count) << "for other reasons too";
  }
  void wan(const Bytes& packet) { bench.receive_ip(kWan, packet); }
  void lan(const Bytes& packet) { bench.receive_ip(kLan, packet); }
  void wireguard(const Bytes& message) { bench.receive_sealed(0, message); }

  Bench bench;
};

Bytes lan_to(const std::string& to, std::uint8_t hops = 64, std::size_t size = 10) {
  return udp("10.1.0.2", 1, to, 2, Bytes(size), hops);
}
Bytes inner() { return udp("10.2.0.9", 1, "10.1.0.2", 2, Bytes(20)); }

TEST_F(Drops, Truncated) {
  bench.receive(kWan, Bytes(13));
  expect(Drop::truncated);
}
TEST_F(Drops, NotForUs) {
  bench.receive(kWan, ethernet({2, 9, 9, 9, 9, 9}, lan_to("10.2.0.1")));
  expect(Drop::not_for_us);
}
TEST_F(Drops, UnknownEthertype) {
  bench.receive(kWan, ethernet(bench.mac(kWan), Bytes(50), 0x88cc));
  expect(Drop::unknown_ethertype);
}
TEST_F(Drops, BadIpHeader) {
  Bytes checksum = lan_to("10.2.0.1");
  checksum[10] ^= 1;
  lan(checksum);
  Bytes length = lan_to("10.2.0.1");
  put16(&length, 2, 2000);
  put16(&length, 10, 0);
  put16(&length, 10, internet_sum(cut(length, 0, 20)));
  lan(length);
  lan(Bytes(10, 0x45));
  Bytes six = udp("fd01::2", 1, "fd02::1", 2, {});
  put16(&six, 4, 2000);
  lan(six);
  expect(Drop::bad_ip_header, 4);
}
TEST_F(Drops, BadIpHeaderFromTheTun) {
  bench.from_tun(Bytes(10, 0x45));
  bench.from_tun(cut(lan_to("10.2.0.1"), 0, 25));
  expect(Drop::bad_ip_header, 2);
}
TEST_F(Drops, TwinSourceDeniedWhenThereIsNone) {
  bench.from_twin(kWan, Bytes(13));
  bench.from_twin(kWan, ethernet(kPeerMac, Bytes(27), 0x0806));
  bench.from_twin(kWan, ethernet(kPeerMac, Bytes(60, 0x11)));
  expect(Drop::twin_source_denied, 3);
}
TEST_F(Drops, BadUdpLength) {
  Bytes packet = udp("192.0.2.2", 1, "192.0.2.1", kListenPort, Bytes(40));
  put16(&packet, 24, 500);
  wan(packet);
  wan(udp("192.0.2.2", 1, "192.0.2.1", kListenPort, Bytes(3)));
  expect(Drop::bad_udp_length, 2);
}
TEST_F(Drops, OuterFragmentThatStaysAlone) {
  wan(as_piece(udp("192.0.2.2", 1, "192.0.2.1", kListenPort, Bytes(40)), 0, true));
  bench.run();
  EXPECT_EQ(bench.all_drops(), 0U);
  usleep(2'100'000);
  expect(Drop::outer_fragment);
}
TEST_F(Drops, OuterFragmentOfAnImpossibleShape) {
  wan(as_piece(udp("192.0.2.2", 1, "192.0.2.1", kListenPort, Bytes(41)), 0, true));
  expect(Drop::outer_fragment);
}
TEST_F(Drops, WgBadType) {
  wireguard({5, 0, 0, 0, 1, 2, 3});
  wireguard({4, 1, 0, 0, 1, 2, 3});
  expect(Drop::wg_bad_type, 2);
}
TEST_F(Drops, WgBadLength) {
  for (const std::uint8_t type : {1, 2, 3, 4}) {
    Bytes message(31);
    message[0] = type;
    wireguard(message);
  }
  expect(Drop::wg_bad_length, 4);
}
TEST_F(Drops, WgBadMac1) {
  Bytes message(148);
  message[0] = 1;
  wireguard(message);
  expect(Drop::wg_bad_mac1);
}
TEST_F(Drops, WgUnknownSession) {
  const Keys keys = bench.install(0, kSession);
  wireguard(seal(keys.receive, kSession + 0x10000, 0, inner()));  // same slot
  wireguard(seal(keys.receive, kSession + 1, 0, inner()));
  expect(Drop::wg_unknown_session, 2);
}
TEST_F(Drops, WgSessionExpired) {
  const Keys keys = bench.install(0, kSession, abi::KeyUse::now, 1000, 1, 60 * kSecond);
  wireguard(seal(keys.receive, kSession, 0, inner()));
  expect(Drop::wg_session_expired);
}
TEST_F(Drops, WgCounterLimit) {
  const Keys keys = bench.install(0, kSession, abi::KeyUse::now, 1000);
  wireguard(seal(keys.receive, kSession, 1000, inner()));
  expect(Drop::wg_counter_limit);
}
TEST_F(Drops, WgSendLimit) {
  bench.install(0, kSession, abi::KeyUse::now, 3);
  for (int i = 0; i < 5; ++i) {
    lan(lan_to("10.2.0.1"));
  }
  bench.run();
  EXPECT_EQ(bench.sent(kWan).size(), 3U);
  expect(Drop::wg_send_limit, 2);
}
TEST_F(Drops, WgReplayLaterAndInOneBurst) {
  const Keys keys = bench.install(0, kSession);
  const Bytes message = seal(keys.receive, kSession, 9, inner());
  wireguard(message);
  wireguard(message);
  bench.run();
  EXPECT_EQ(bench.sent(kLan).size(), 1U);
  wireguard(message);
  expect(Drop::wg_replay, 2);
}
TEST(DropsOfTwoWorkers, WgReplay) {
  Bench bench(2);
  const Keys keys = bench.install(0, kSession);
  const Bytes message = seal(keys.receive, kSession, 9, inner());
  bench.receive_sealed(0, message, 0);
  bench.receive_sealed(0, message, 1);
  bench.run();
  EXPECT_EQ(bench.sent(kLan).size(), 1U);
  EXPECT_EQ(bench.drops(Drop::wg_replay), 1U);
}
TEST_F(Drops, WgLate) {
  const Keys keys = bench.install(0, kSession);
  // Two windows of 65,536 further, in the slot of the window's ring that counter 5 has too.
  wireguard(seal(keys.receive, kSession, 131072, inner()));
  bench.run();
  EXPECT_EQ(bench.sent(kLan).size(), 1U);
  wireguard(seal(keys.receive, kSession, 5, inner()));
  expect(Drop::wg_late);
}
TEST_F(Drops, WgOpenFailedForEveryFlippedByte) {
  const Keys keys = bench.install(0, kSession);
  const Bytes message = seal(keys.receive, kSession, 1, inner());
  std::uint64_t count = 0;
  for (std::size_t at = 8; at < message.size(); ++at) {
    if (at >= 10 && at < 16) {
      continue;  // makes the counter reach the limit instead
    }
    Bytes forged = message;
    forged[at] ^= 0x10;
    wireguard(forged);
    ++count;
  }
  expect(Drop::wg_open_failed, count);
}
TEST_F(Drops, WgInnerInvalid) {
  const Keys keys = bench.install(0, kSession);
  wireguard(seal(keys.receive, kSession, 0, Bytes(32)));
  wireguard(seal(keys.receive, kSession, 1, cut(inner(), 0, 30)));
  Bytes damaged = inner();
  damaged[10] ^= 1;
  wireguard(seal(keys.receive, kSession, 2, damaged));
  expect(Drop::wg_inner_invalid, 3);
}
TEST_F(Drops, WgSourceDenied) {
  const Keys keys = bench.install(0, kSession);
  wireguard(seal(keys.receive, kSession, 0, udp("10.3.0.9", 1, "10.1.0.2", 2, {})));
  wireguard(seal(keys.receive, kSession, 1, udp("10.99.0.9", 1, "10.1.0.2", 2, {})));
  expect(Drop::wg_source_denied, 2);
}
TEST_F(Drops, NoRoute) {
  lan(lan_to("10.66.0.1"));
  expect(Drop::no_route, 1, 1);
}
TEST_F(Drops, Blackhole) {
  lan(lan_to("10.5.0.1"));
  expect(Drop::blackhole);
}
TEST_F(Drops, RefusedByTheRoute) {
  const auto route = [&](const std::string& prefix, std::uint32_t number, abi::HopKind kind) {
    bench.command(abi::NextHopSet{.next_hop = number, .kind = kind});
    bench.route(prefix, 16, number);
  };
  route("10.70.0.0", 30, abi::HopKind::unreachable);
  route("10.71.0.0", 31, abi::HopKind::prohibit);
  route("10.72.0.0", 32, abi::HopKind::not_followed);
  route("10.73.0.0", 33, abi::HopKind::no_route);
  bench.commit();
  lan(lan_to("10.70.0.1"));
  lan(lan_to("10.71.0.1"));
  lan(lan_to("10.72.0.1"));
  lan(lan_to("10.73.0.1"));
  // Who is out there is not told what there is inside.
  wan(udp("198.51.100.1", 1, "10.70.0.1", 2, {}));
  bench.run();
  EXPECT_EQ(bench.drops(Drop::unreachable), 2U);
  EXPECT_EQ(bench.drops(Drop::prohibited), 1U);
  EXPECT_EQ(bench.drops(Drop::route_not_followed), 1U);
  EXPECT_EQ(bench.drops(Drop::no_route), 1U);
  EXPECT_EQ(bench.sent(kLan).size(), 3U);
  EXPECT_TRUE(bench.sent(kWan).empty());
}
TEST_F(Drops, TtlExpired) {
  lan(lan_to("10.2.0.1", 1));
  lan(udp("fd01::2", 1, "fd02::1", 2, {}, 1));
  expect(Drop::ttl_expired, 2, 2);
}
TEST_F(Drops, TooBig) {
  lan(with_df(lan_to("10.2.0.1", 64, kTunnelMtu - 27)));
  expect(Drop::too_big, 1, 1);
}
TEST_F(Drops, PlainToUnderlay) {
  lan(lan_to("198.51.100.1"));
  const Keys keys = bench.install(0, kSession);
  wireguard(seal(keys.receive, kSession, 0, udp("10.2.0.9", 1, "198.51.100.1", 2, {})));
  expect(Drop::plain_to_underlay, 2);
  lan(lan_to("10.7.0.1"));
  bench.run();
  EXPECT_EQ(bench.sent(kWan).size(), 1U) << "this route allows it";
}
TEST_F(Drops, InsideFromUnderlay) {
  wan(udp("198.51.100.1", 1, "10.1.0.2", 2, {}));
  wan(udp("198.51.100.1", 1, "10.2.0.9", 2, {}));
  expect(Drop::inside_from_underlay, 2);
}
TEST_F(Drops, InterfaceDown) {
  const Keys keys = bench.install(0, kSession);
  abi::InterfaceSet down{
      .interface = 0, .listen_port = htons(kListenPort), .mtu = kTunnelMtu, .up = 0};
  bench.command(down);
  bench.settle();
  wireguard(seal(keys.receive, kSession, 0, inner()));
  lan(lan_to("10.2.0.1"));
  expect(Drop::interface_down, 2);
}
TEST_F(Drops, NotForwarded) {
  lan(lan_to("127.0.0.1"));
  lan(lan_to("169.254.1.1"));
  lan(udp("fd01::2", 1, "::1", 2, {}));
  expect(Drop::not_forwarded, 3);
}
TEST_F(Drops, NotForwardedFromAFrameToAllStations) {
  bench.install(0, kSession);
  constexpr Mac kSome = {1, 0, 0x5e, 0, 0, 5}, kAll = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  bench.receive(kLan, ethernet(kSome, lan_to("10.2.0.1")));
  bench.receive(kLan, ethernet(kSome, lan_to("10.2.0.1", 1)));  // would be answered
  bench.receive(kLan, ethernet(kSome, lan_to("10.66.0.1")));
  bench.receive(kWan, ethernet(kSome, udp("198.51.100.2", 1, "198.51.100.1", 2, {})));
  bench.receive(kLan, ethernet(kSome, udp("fd01::2", 1, "fd02::1", 2, {}, 1)));
  bench.receive(kLan, ethernet(kAll, udp("fd01::2", 1, "fd02::1", 2, {}, 1)));
  // Perhaps to all hosts of a network: the kernel's to judge.
  const Bytes to_network = ethernet(kAll, lan_to("10.1.255.255", 1));
  bench.receive(kLan, to_network);
  expect(Drop::not_forwarded, 6);
  EXPECT_EQ(bench.at_twin(kLan), std::vector<Bytes>(1, to_network));
}
TEST_F(Drops, MartianSource) {
  lan(udp("127.0.0.1", 1, "10.2.0.9", 2, {}));
  lan(udp("224.0.0.1", 1, "10.2.0.9", 2, {}));
  lan(udp("0.0.0.0", 1, "10.2.0.9", 2, {}));
  lan(udp("10.1.0.1", 1, "10.2.0.9", 2, {}));
  lan(udp("192.0.2.1", 1, "10.2.0.9", 2, {}));
  lan(udp("ff02::1", 1, "fd02::9", 2, {}));
  lan(udp("::1", 1, "fd02::9", 2, {}));
  lan(udp("2001:db8::1", 1, "fd02::9", 2, {}));
  expect(Drop::martian_source, 8);
}
TEST_F(Drops, EcnNotCapable) {
  const Keys keys = bench.install(0, kSession);
  Bytes outer =
      udp("192.0.2.2", 40000, "192.0.2.1", kListenPort, seal(keys.receive, kSession, 0, inner()));
  wan(with_class(outer, 3));
  expect(Drop::ecn_not_capable);
}
TEST_F(Drops, NoPeer) {
  lan(lan_to("10.8.0.1"));
  expect(Drop::no_peer, 1, 1);
}
TEST_F(Drops, NoEndpoint) {
  bench.install(0, kSession);
  abi::PeerSet peer = bench.peer(0);
  peer.endpoint = {};
  bench.command(peer);
  bench.settle();
  lan(lan_to("10.2.0.1"));
  expect(Drop::no_endpoint, 1, 1);
}
TEST_F(Drops, NoEndpointWithoutARouteToIt) {
  bench.install(0, kSession);
  abi::PeerSet peer = bench.peer(0);
  peer.endpoint.neighbour = abi::kNoNeighbour;
  bench.command(peer);
  bench.settle();
  lan(lan_to("10.2.0.1"));
  expect(Drop::no_endpoint, 1, 1);
}
TEST_F(Drops, NeighbourUnresolvedAfterTheWait) {
  lan(lan_to("10.9.0.1"));
  lan(lan_to("10.6.0.1"));
  bench.run();
  usleep(3'100'000);
  expect(Drop::neighbour_unresolved, 2);
}
TEST_F(Drops, NoSessionForAKeepalive) {
  bench.command(abi::KeepaliveSend{.peer = 0});
  expect(Drop::no_session);
}
TEST_F(Drops, NoSessionAfterTheWait) {
  lan(lan_to("10.2.0.1"));
  bench.run();
  usleep(6'100'000);
  expect(Drop::no_session);
}
TEST_F(Drops, ParkFull) {
  for (int i = 0; i < 70; ++i) {
    lan(lan_to("10.2.0.1"));
  }
  expect(Drop::park_full, 6);
}

TEST(Transit, UdpToTheListeningPortOfSomeoneElse) {
  Bench bench;
  bench.receive_ip(kWan, udp("198.51.100.2", 1, "198.51.100.1", kListenPort, Bytes(40)));
  bench.run();
  EXPECT_EQ(bench.sent(kWan).size(), 1U);
}

}  // namespace
}  // namespace gotthard::packet_test
