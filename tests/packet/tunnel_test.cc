// What goes through tunnels, and what control and host take part in.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "crypto/hash.h"
#include "tests/packet/bench.h"

namespace gotthard::packet_test {
namespace {

constexpr std::uint32_t kSession0 = 0x12340100;
constexpr std::uint32_t kSession1 = 0x12340200;

// The data message in a frame that left the underlay, its outer headers checked.
Bytes message_in(const Bytes& frame, bool v6) {
  EXPECT_EQ(cut(frame, 0, 6), Bytes(kPeerMac.begin(), kPeerMac.end()));
  EXPECT_EQ(get16(frame, 12), v6 ? 0x86dd : 0x0800);
  const Bytes packet = cut(frame, 14);
  const std::size_t header = ip_header_size(packet);
  EXPECT_EQ(header, v6 ? 40U : 20U);
  if (v6) {
    EXPECT_EQ(get16(packet, 4) + 40U, packet.size());
    EXPECT_EQ(udp_sum(packet), 0) << "IPv6 has no UDP without checksum";
    EXPECT_NE(get16(packet, header + 6), 0);
  } else {
    EXPECT_EQ(get16(packet, 2), packet.size());
    EXPECT_EQ(internet_sum(cut(packet, 0, 20)), 0);
  }
  EXPECT_EQ(get16(packet, header), kListenPort);
  EXPECT_EQ(get16(packet, header + 2), 40000);
  EXPECT_EQ(get16(packet, header + 4) + header, packet.size());
  return cut(packet, header + 8);
}

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

Bytes to_peer0() { return udp("10.1.0.2", 1, "10.2.0.9", 2, {1, 2, 3}); }
Bytes from_peer0() { return udp("10.2.0.9", 1, "10.1.0.2", 2, {1, 2, 3}); }

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

TEST(Sessions, ResponderSealsOnlyAfterTheFirstInbound) {
  Bench bench;
  const Keys keys = bench.install(0, kSession0, abi::KeyUse::after_first_inbound);
  bench.receive_ip(kLan, to_peer0());
  bench.run();
  EXPECT_TRUE(bench.sent(kWan).empty());
  EXPECT_EQ(bench.events<abi::NeedHandshake>().size(), 1U);
  bench.receive_sealed(0, seal(keys.receive, kSession0, 0, {}));
  bench.run();
  ASSERT_EQ(bench.events<abi::SessionConfirmed>().size(), 1U);
  const auto sent = bench.sent(kWan);
  ASSERT_EQ(sent.size(), 1U) << "what waited goes on";
  EXPECT_TRUE(open(keys.send, message_in(sent[0], false)));
}

TEST(Sessions, RotateThroughCurrentAndPreviousAndAreErased) {
  Bench bench;
  const Keys first = bench.install(0, kSession0);
  const Keys second = bench.install(0, kSession1);
  bench.receive_sealed(0, seal(first.receive, kSession0, 0, from_peer0()));
  bench.receive_sealed(0, seal(second.receive, kSession1, 0, from_peer0()));
  bench.receive_ip(kLan, to_peer0());
  bench.run();
  EXPECT_EQ(bench.sent(kLan).size(), 2U) << "the previous one still opens";
  const auto sent = bench.sent(kWan);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_TRUE(open(second.send, message_in(sent[0], false)));
  bench.install(0, 0x12340300);
  bench.run();
  const auto erased = bench.events<abi::SessionErased>();
  ASSERT_EQ(erased.size(), 1U);
  EXPECT_EQ(erased[0].local_id, kSession0);
  bench.receive_sealed(0, seal(first.receive, kSession0, 1, from_peer0()));
  bench.run();
  EXPECT_EQ(bench.drops(Drop::wg_unknown_session), 1U);
}

TEST(Sessions, RefusesReusedKeysAndSlots) {
  Bench bench;
  abi::SessionInstall install{.local_id = kSession0,
                              .remote_id = 1,
                              .peer = 0,
                              .window = 1024,
                              .message_limit = 1000,
                              .reject_after_ns = kSecond,
                              .erase_after_ns = kSecond};
  install.send_key[0] = 1;
  install.receive_key[0] = 2;
  bench.command(install);
  install.local_id = kSession1;
  bench.command(install);
  install.local_id = kSession0 + 0x10000;
  install.send_key[0] = 3;
  install.receive_key[0] = 4;
  bench.command(install);
  install.local_id = 0x12340300;
  install.peer = 77;
  bench.command(install);
  bench.settle();
  const auto refused = bench.events<abi::CommandRefused>();
  ASSERT_EQ(refused.size(), 3U);
  EXPECT_EQ(refused[0].reason, abi::Refusal::key_reused);
  EXPECT_EQ(refused[1].reason, abi::Refusal::slot_in_use);
  EXPECT_EQ(refused[2].reason, abi::Refusal::invalid);
  EXPECT_EQ(bench.events<abi::SessionInstalled>().size(), 1U);
}

TEST(Parking, LetsPacketsGoInOrderOnceThereIsASession) {
  Bench bench;
  for (std::uint8_t i = 0; i < 10; ++i) {
    bench.receive_ip(kLan, udp("10.1.0.2", 1, "10.2.0.9", 2, {i}));
  }
  bench.run();
  EXPECT_EQ(bench.events<abi::NeedHandshake>().size(), 1U);
  const Keys keys = bench.install(0, kSession0);
  bench.run();
  const auto sent = bench.sent(kWan);
  ASSERT_EQ(sent.size(), 10U);
  for (std::uint8_t i = 0; i < 10; ++i) {
    EXPECT_EQ(open(keys.send, message_in(sent[i], false)).value().text[28], i);
  }
}

TEST(Parking, LetsPacketsGoInOrderOnceTheNeighbourIsThere) {
  Bench bench;
  for (std::uint8_t i = 0; i < 3; ++i) {
    bench.receive_ip(kLan, udp("10.1.0.2", 1, "10.9.0.9", 2, {i}));
  }
  bench.run();
  const auto asked = bench.events<abi::NeedNeighbour>();
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].address, address("10.1.0.3"));
  EXPECT_EQ(asked[0].port, kLan);
  bench.command(abi::NeighbourSet{.neighbour = 2,
                                  .port = kLan,
                                  .mac = kLanMac,
                                  .reachable = 1,
                                  .address = address("10.1.0.3")});
  bench.run();
  const auto sent = bench.sent(kLan);
  ASSERT_EQ(sent.size(), 3U);
  for (std::uint8_t i = 0; i < 3; ++i) {
    EXPECT_EQ(sent[i][14 + 28], i);
    EXPECT_EQ(sent[i][14 + 8], 63) << "one hop, not two";
  }
}

Bytes initiation() {
  Bytes message(148, 0x11);
  message[0] = 1;
  message[1] = message[2] = message[3] = 0;
  const auto mac = crypto::Blake2sMac::create().value().mac(
      std::as_bytes(std::span(kMac1Key)), std::as_bytes(std::span(message)).first(116));
  std::copy(mac.begin(), mac.end(), message.begin() + 116);
  return message;
}

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

TEST(Roaming, IsReportedOnlyOnceAuthenticated) {
  Bench bench;
  const Keys keys = bench.install(0, kSession0);
  const auto from = [&](const Bytes& message) {
    bench.receive_ip(kWan, udp("203.0.113.7", 1234, "192.0.2.1", kListenPort, message));
    bench.run();
  };
  Bytes forged = seal(keys.receive, kSession0, 0, from_peer0());
  forged.back() ^= 1;
  from(forged);
  EXPECT_TRUE(bench.events<abi::EndpointMoved>().empty());
  const Bytes good = seal(keys.receive, kSession0, 0, from_peer0());
  from(good);
  from(good);  // a replay says nothing
  const auto moved = bench.events<abi::EndpointMoved>();
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].remote, address("203.0.113.7"));
  EXPECT_EQ(moved[0].remote_port, htons(1234));
  EXPECT_EQ(moved[0].peer, 0U);
}

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

TEST(Control, ResynchronisationRemovesWhatIsNotMentionedAndKeepsSessions) {
  Bench bench;
  const Keys keys = bench.install(0, kSession0);
  bench.route("10.77.0.0", 16, kToPeer0);
  bench.commit();
  bench.receive_ip(kLan, udp("10.1.0.2", 1, "10.77.0.1", 2, {}));
  bench.run();
  EXPECT_EQ(bench.sent(kWan).size(), 1U);
  bench.attach();
  bench.command(abi::ResyncBegin{});
  bench.send_state();
  bench.command(abi::ResyncEnd{});
  bench.run();
  bench.receive_ip(kLan, udp("10.1.0.2", 1, "10.77.0.1", 2, {}));
  bench.receive_ip(kLan, to_peer0());
  bench.run();
  EXPECT_EQ(bench.drops(Drop::no_route), 1U);
  const auto sent = bench.sent(kWan);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(open(keys.send, message_in(sent[0], false)).value().counter, 1U);
}

TEST(Control, ForwardingGoesOnWithoutIt) {
  Bench bench;
  const Keys keys = bench.install(0, kSession0);
  bench.manager().control().detach();
  bench.link().detach();
  bench.receive_ip(kLan, to_peer0());
  bench.receive_sealed(0, seal(keys.receive, kSession0, 0, from_peer0()));
  bench.run();
  EXPECT_EQ(bench.sent(kWan).size(), 1U);
  EXPECT_EQ(bench.sent(kLan).size(), 1U);
  bench.attach();
  bench.receive_ip(kLan, to_peer0());
  bench.run();
  EXPECT_EQ(bench.sent(kWan).size(), 1U);
}

TEST(Robustness, MutatedFramesAreAllAccountedFor) {
  const unsigned before = Bench().buffers_out();
  {
    Bench bench;
    const Keys keys = bench.install(0, kSession0);
    std::mt19937 random(20260712);
    for (std::uint64_t n = 0; n < 6000; ++n) {
      const std::array<Bytes, 5> bases = {
          to_peer0(), udp("fd01::2", 1, "fd02::9", 2, Bytes(60)),
          udp("192.0.2.2", 40000, "192.0.2.1", kListenPort,
              seal(keys.receive, kSession0, n, from_peer0())),
          udp("192.0.2.2", 40000, "192.0.2.1", kListenPort, initiation()),
          udp("2001:db8::2", 40000, "2001:db8::1", kListenPort,
              seal(keys.receive, kSession0, n, from_peer0()))};
      Bytes frame = ethernet(bench.mac(kWan), bases[random() % bases.size()]);
      for (unsigned flips = random() % 4; flips > 0; --flips) {
        frame[random() % frame.size()] = static_cast<std::uint8_t>(random());
      }
      if (random() % 4 == 0) {
        frame.resize(random() % (frame.size() + 1));
      }
      bench.receive(random() % 2 == 0 ? kWan : kLan, frame);
      if (n % 64 == 63) {
        bench.run();
        bench.sent(kWan);
        bench.sent(kLan);
        bench.at_twin(kWan);
        bench.at_twin(kLan);
        bench.at_tun();
      }
    }
    bench.run();
    EXPECT_GT(bench.all_drops(), 1000U);
  }
  EXPECT_EQ(Bench().buffers_out(), before);
}

}  // namespace
}  // namespace gotthard::packet_test
