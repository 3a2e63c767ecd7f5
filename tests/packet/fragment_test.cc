// Packets that are cut on their way, within the tunnel and outside.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/packet/messages.h"

namespace gotthard::packet_test {
namespace {

std::vector<Bytes> packets(const std::vector<Bytes>& frames) {
  std::vector<Bytes> result;
  for (const Bytes& frame : frames) {
    result.push_back(cut(frame, 14));
  }
  return result;
}

// Puts IPv4 or IPv6 pieces together, in the order given, and checks their headers.
Bytes joined(const std::vector<Bytes>& pieces, std::size_t mtu) {
  Bytes data;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const Bytes& piece = pieces[i];
    const bool v6 = piece[0] >> 4 == 6;
    EXPECT_LE(piece.size(), mtu);
    const std::uint16_t fragment = get16(piece, v6 ? 42 : 6);
    const std::size_t offset = v6 ? fragment & 0xfff8U : (fragment & 0x1fffU) * 8U;
    const bool more = (fragment & (v6 ? 1 : 0x2000)) != 0;
    EXPECT_EQ(offset, data.size());
    EXPECT_EQ(more, i + 1 < pieces.size());
    EXPECT_TRUE(v6 || internet_sum(cut(piece, 0, 20)) == 0);
    data = cat(data, cut(piece, v6 ? 48 : 20));
  }
  return data;
}

TEST(Fragments, WhatMayBeCutIsCutBeforeItIsSealed) {
  Bench bench;
  const Keys keys = bench.install(0, kSession0);
  Bytes payload(1472);
  for (std::size_t i = 0; i < payload.size(); ++i) {
    payload[i] = static_cast<std::uint8_t>(i * 7);
  }
  const Bytes packet = udp("10.1.0.2", 1, "10.2.0.9", 2, payload);
  bench.receive_ip(kLan, packet);
  bench.run();
  std::vector<Bytes> pieces;
  for (const Bytes& frame : bench.sent(kWan)) {
    Bytes text = open(keys.send, message_in(frame, false)).value().text;
    text.resize(get16(text, 2));
    EXPECT_EQ(text[8], 63) << "one hop, not two";
    pieces.push_back(text);
  }
  ASSERT_EQ(pieces.size(), 2U);
  EXPECT_EQ(joined(pieces, kTunnelMtu), cut(packet, 20));
  EXPECT_EQ(bench.all_drops(), 0U);
}

// As the kernel's output does: to what the route to the endpoint takes.
TEST(Fragments, OuterPacketsFitTheirRoute) {
  Bench bench;
  const Keys keys = bench.install(0, kSession0);
  abi::PeerSet peer = bench.peer(0);
  peer.endpoint.mtu = 1000;
  bench.command(peer);
  bench.settle();
  bench.receive_ip(kLan, udp("10.1.0.2", 1, "10.2.0.9", 2, Bytes(1300, 0x3c)));
  bench.receive_ip(kLan, udp("10.1.0.2", 1, "10.2.0.9", 2, Bytes(800, 0x3c)));
  bench.run();
  auto pieces = packets(bench.sent(kWan));
  ASSERT_EQ(pieces.size(), 3U);
  std::stable_partition(pieces.begin(), pieces.end(),
                        [](const Bytes& piece) { return get16(piece, 6) != 0; });
  EXPECT_TRUE(open(keys.send, cut(pieces[2], 28)).has_value());
  pieces.pop_back();
  EXPECT_TRUE(open(keys.send, cut(joined(pieces, 1000), 8)).has_value());
  EXPECT_EQ(bench.all_drops(), 0U);
}

class Outer : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Fragments, Outer, testing::Bool());

// A tunnel that is wider than the underlay: DF is not set outside, as Linux does it.
TEST_P(Outer, WhatIsTooBigOnceSealedIsCutAndPutTogetherAgain) {
  const bool v6 = GetParam();
  const std::uint32_t peer = v6 ? 1 : 0;
  Bench bench;
  const Keys keys = bench.install(peer, kSession0);
  bench.command(abi::InterfaceSet{.interface = 0, .listen_port = htons(kListenPort), .mtu = 1500});
  bench.settle();
  const Bytes packet = udp("10.1.0.2", 1, v6 ? "10.3.0.9" : "10.2.0.9", 2, Bytes(1472, 0x3c));
  bench.receive_ip(kLan, packet);
  bench.run();
  auto pieces = packets(bench.sent(kWan));
  ASSERT_EQ(pieces.size(), 2U);
  const Bytes datagram = joined(pieces, 1500);
  EXPECT_EQ(get16(datagram, 4), datagram.size());
  ASSERT_TRUE(open(keys.send, cut(datagram, 8)));
  if (!v6) {
    EXPECT_EQ(get16(pieces[0], 4), get16(pieces[1], 4));
    EXPECT_EQ(get16(pieces[0], 6) & 0x4000, 0) << "may be cut again";
  }

  // The other way round: the peer's pieces, in any order, are one message.
  const Bytes message = seal(keys.receive, kSession0, 0,
                             udp(v6 ? "10.3.0.9" : "10.2.0.9", 1, "10.1.0.2", 2, Bytes(1472, 1)));
  const Bytes from_peer = udp(v6 ? "2001:db8::2" : "192.0.2.2", 40000,
                              v6 ? "2001:db8::1" : "192.0.2.1", kListenPort, message);
  const std::size_t header = ip_header_size(from_peer);
  const auto piece = [&](std::size_t at, std::size_t size, bool more) {
    const Bytes data = cut(from_peer, header + at, size);
    if (!v6) {
      return as_piece(ip("192.0.2.2", "192.0.2.1", 17, data), static_cast<std::uint16_t>(at), more);
    }
    Bytes fragment{17, 0, 0, 0, 0, 0, 0, 9};
    put16(&fragment, 2, static_cast<std::uint16_t>(at | (more ? 1 : 0)));
    return ip("2001:db8::2", "2001:db8::1", 44, cat(fragment, data));
  };
  bench.receive_ip(kWan, piece(800, 400, true));
  bench.receive_ip(kWan, piece(1200, 4000, false));
  bench.receive_ip(kWan, piece(0, 800, true));
  bench.run();
  const auto sent = bench.sent(kLan);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(udp_sum(cut(sent[0], 14)), 0);
  EXPECT_EQ(bench.all_drops(), 0U);
}

TEST(Fragments, HandshakesComeInPiecesToo) {
  Bench bench;
  const Bytes datagram = udp("192.0.2.2", 40000, "192.0.2.1", kListenPort, initiation());
  bench.receive_ip(kWan,
                   as_piece(ip("192.0.2.2", "192.0.2.1", 17, cut(datagram, 20, 80)), 0, true));
  bench.receive_ip(kWan, as_piece(ip("192.0.2.2", "192.0.2.1", 17, cut(datagram, 100)), 80, false));
  bench.run();
  bench.run();
  ASSERT_EQ(bench.punts().size(), 1U);
  EXPECT_EQ(bench.punts()[0].length, 148);
}

TEST(Fragments, TheHostsOwnAreTheHosts) {
  Bench bench;
  const Bytes datagram = udp("10.1.0.2", 9, "10.1.0.1", 53, Bytes(200, 5));
  const Bytes second = as_piece(ip("10.1.0.2", "10.1.0.1", 17, cut(datagram, 100)), 80, false);
  const Bytes first = as_piece(ip("10.1.0.2", "10.1.0.1", 17, cut(datagram, 20, 80)), 0, true);
  bench.receive_ip(kLan, second);
  bench.receive_ip(kLan, first);
  bench.run();
  const auto seen = packets(bench.at_twin(kLan));
  ASSERT_EQ(seen.size(), 2U) << "neither put together nor lost";
  EXPECT_TRUE((seen[0] == first && seen[1] == second) || (seen[0] == second && seen[1] == first));
}

TEST(Fragments, ControlsMessagesMayBeLong) {
  Bench bench;
  abi::PacketRecord record;
  record.length = abi::kMaxPayload;
  record.remote_port = htons(40000);
  record.local_port = htons(kListenPort);
  record.neighbour = 0;
  record.remote = address("192.0.2.2");
  record.local = address("192.0.2.1");
  EXPECT_TRUE(bench.link().inject(record));
  bench.run();
  EXPECT_EQ(joined(packets(bench.sent(kWan)), 1500).size(), abi::kMaxPayload + 8);
}

}  // namespace
}  // namespace gotthard::packet_test
