// Every reason for which ESP is dropped, by a packet that must be; nothing of it gets out.
#include <gtest/gtest.h>

#include "tests/packet/esp.h"

namespace gotthard::packet_test {
namespace {

class EspDrops : public testing::Test {
 protected:
  // Nothing left by any port but answers to the LAN's host, and this was the only reason.
  void expect(Drop reason, std::uint64_t count = 1, std::size_t answers = 0) {
    esp.bench.run();
    EXPECT_TRUE(esp.bench.sent(kWan).empty());
    EXPECT_EQ(esp.bench.sent(kLan).size(), answers);
    EXPECT_TRUE(esp.at_tun().empty());
    EXPECT_EQ(esp.bench.drops(reason), count) << name(reason);
    EXPECT_EQ(esp.bench.all_drops(), count) << "for other reasons too";
  }
  Bytes good(std::uint64_t sequence) const {
    return esp_seal(pair.in, sequence, EspBench::from(kEsp4), kIpv4Inside);
  }

  EspBench esp;
  SaPair pair = esp.install(kEsp4);
};

TEST_F(EspDrops, Length) {
  const Bytes packet = good(1);
  const std::size_t shortest = 8 + 8 + 4 + 16;
  std::uint64_t count = 0;
  for (std::size_t size = 0; size < shortest; ++size, ++count) {
    esp.bench.receive_ip(kWan, ip("192.0.2.2", "192.0.2.1", 50, cut(packet, 0, size)));
  }
  for (std::size_t less = 1; less < 4; ++less, ++count) {
    esp.receive(kEsp4, cut(packet, 0, packet.size() - less));
  }
  // In UDP, what is too short for an SPI and no keepalive.
  for (std::size_t size : {0, 1, 2, 3, 4, 7}) {
    ++count;
    esp.receive(kUdp4, Bytes(size));
  }
  // CBC's text is of whole blocks.
  EspBench::Terms terms{.suite = crypto::Suite::aes128_cbc_hmac_sha256_128, .local_id = 0x1002};
  const SaPair cbc = esp.install(kEsp6, terms);
  const Bytes sealed = esp_seal(cbc.in, 1, EspBench::from(kEsp6), kIpv4Inside);
  for (std::size_t less = 4; less < 16; less += 4, ++count) {
    esp.receive(kEsp6, cut(sealed, 0, sealed.size() - less));
  }
  expect(Drop::esp_bad_length, count);
}

TEST_F(EspDrops, UnknownSpi) {
  for (const std::uint32_t spi : {0x1002U, 0x11001U, 1U, 255U, 0xffffffffU}) {
    EspSa other = pair.in;
    other.spi = spi;
    esp.receive(kEsp4, esp_seal(other, 1, EspBench::from(kEsp4), kIpv4Inside));
  }
  EspSa none = pair.in;
  none.spi = 0;  // over IP there is no marker
  esp.receive(kEsp4, esp_seal(none, 1, EspBench::from(kEsp4), kIpv4Inside));
  expect(Drop::esp_unknown_spi, 6);
}

TEST_F(EspDrops, SequenceZero) {
  esp.receive(kEsp4, good(0));
  EspBench::Terms terms{.extended = true, .local_id = 0x1002};
  const SaPair extended = esp.install(kEsp6, terms);
  esp.receive(kEsp6, esp_seal(extended.in, 0, EspBench::from(kEsp6), kIpv4Inside));
  expect(Drop::esp_sequence_zero, 2);
}

TEST_F(EspDrops, Replay) {
  esp.receive(kEsp4, good(5));
  esp.bench.run();
  EXPECT_EQ(esp.bench.sent(kLan).size(), 1U);
  esp.receive(kEsp4, good(5));
  expect(Drop::esp_replay);
}
TEST_F(EspDrops, TwiceInOneBurst) {
  for (int i = 0; i < 4; ++i) {
    esp.receive(kEsp4, good(5));
  }
  expect(Drop::esp_replay, 3, 1);
}
TEST_F(EspDrops, Late) {
  constexpr std::uint64_t kWindow = 1024;
  esp.receive(kEsp4, good(5000));
  esp.bench.run();
  EXPECT_EQ(esp.bench.sent(kLan).size(), 1U);
  esp.receive(kEsp4, good(5000 - kWindow));
  expect(Drop::esp_late);
}

TEST_F(EspDrops, Padding) {
  Bytes longer = cat(Bytes(6), {7, kIpv4Inside});  // than the text
  Bytes other = cat(EspBench::from(kEsp4), {0, 2, 3, 4});
  while ((other.size() + 2) % 4 != 0) {
    other.push_back(static_cast<std::uint8_t>(other.size()));
  }
  other = cat(other, {4, kIpv4Inside});
  Bytes all(256, 0);
  all[254] = 255;
  all[255] = kIpv4Inside;
  esp.receive(kEsp4, esp_seal_text(pair.in, 1, longer));
  esp.receive(kEsp4, esp_seal_text(pair.in, 2, other));
  esp.receive(kEsp4, esp_seal_text(pair.in, 3, all));
  expect(Drop::esp_bad_padding, 3);
}

TEST_F(EspDrops, InnerInvalid) {
  const Bytes packet = EspBench::from(kEsp4);
  const Bytes packet6 = EspBench::from(kEsp4, true);
  std::uint64_t sequence = 0;
  const auto inside = [&](const Bytes& payload, std::uint8_t next_header) {
    esp.receive(kEsp4, esp_seal(pair.in, ++sequence, payload, next_header));
  };
  inside(packet, kIpv6Inside);  // the header says the other
  inside(packet6, kIpv4Inside);
  inside(cut(packet, 20), 17);                             // transport mode's, in a tunnel's SA
  inside(cut(packet, 0, packet.size() - 1), kIpv4Inside);  // longer than there is
  inside(cut(packet, 0, 10), kIpv4Inside);
  inside({}, kIpv4Inside);
  inside(Bytes(40, 0), kIpv4Inside);
  Bytes sum = packet;
  sum[10] ^= 1;
  inside(sum, kIpv4Inside);
  inside(packet, 0);
  inside(packet, 50);
  expect(Drop::esp_inner_invalid, sequence);
}

TEST_F(EspDrops, SelectorDenied) {
  std::uint64_t sequence = 0;
  const auto inside = [&](const Bytes& packet) {
    esp.receive(kEsp4, esp_seal(pair.in, ++sequence, packet,
                                packet[0] >> 4 == 6 ? kIpv6Inside : kIpv4Inside));
  };
  inside(udp("10.13.0.9", 1, "10.1.0.2", 2, Bytes(8)));   // another child's source
  inside(udp("10.12.0.9", 1, "10.13.0.2", 2, Bytes(8)));  // to where the SA does not lead
  inside(udp("10.1.0.3", 1, "10.1.0.2", 2, Bytes(8)));    // as from the inside
  inside(udp("fd13::1", 1, "fd01::2", 2, Bytes(8)));
  inside(udp("10.12.0.9", 1, "192.0.2.1", 2, Bytes(8)));  // the gateway's underlay address
  expect(Drop::esp_selector_denied, sequence);
}

TEST_F(EspDrops, SelectorsOfPortsAndProtocols) {
  using enum abi::SelectorSide;
  abi::SelectorAdd remote_side = EspBench::selector(remote, "10.12.0.0", 16);
  remote_side.protocol = 17;
  remote_side.first_port = 2000;
  remote_side.last_port = 2009;
  esp.select(kEsp4, {EspBench::selector(local, "10.1.0.0", 16), remote_side});
  esp.bench.settle();
  std::uint64_t sequence = 0;
  const auto inside = [&](const Bytes& packet) {
    esp.receive(kEsp4, esp_seal(pair.in, ++sequence, packet, kIpv4Inside));
  };
  inside(udp("10.12.0.9", 2000, "10.1.0.2", 7, Bytes(8)));
  inside(udp("10.12.0.9", 2009, "10.1.0.2", 7, Bytes(8)));
  esp.bench.run();
  EXPECT_EQ(esp.bench.sent(kLan).size(), 2U);
  inside(udp("10.12.0.9", 1999, "10.1.0.2", 2000, Bytes(8)));
  inside(udp("10.12.0.9", 2010, "10.1.0.2", 2000, Bytes(8)));
  inside(ip("10.12.0.9", "10.1.0.2", 6, Bytes(20, 0x07)));
  inside(as_piece(udp("10.12.0.9", 2000, "10.1.0.2", 7, Bytes(16)), 8, false));  // shows no port
  expect(Drop::esp_selector_denied, 4);
  // Outbound the same.
  esp.bench.receive_ip(kLan, udp("10.1.0.2", 7, "10.12.0.9", 2005, Bytes(8)));
  esp.bench.run();
  EXPECT_EQ(esp.bench.sent(kWan).size(), 1U);
  esp.bench.receive_ip(kLan, udp("10.1.0.2", 7, "10.12.0.9", 1999, Bytes(8)));
  esp.bench.run();
  EXPECT_TRUE(esp.bench.sent(kWan).empty());
  EXPECT_EQ(esp.bench.drops(Drop::no_child), 1U);
}

TEST_F(EspDrops, NoChild) {
  using enum abi::SelectorSide;
  esp.select(kEsp6, {EspBench::selector(local, "10.1.5.0", 24),
                     EspBench::selector(remote, "10.13.0.0", 16)});
  esp.bench.settle();
  esp.bench.receive_ip(kLan, udp("10.1.0.2", 1, "10.19.0.9", 2, Bytes(8)));  // no remote
  esp.bench.receive_ip(kLan, udp("10.1.0.2", 1, "10.13.0.9", 2, Bytes(8)));  // no local
  expect(Drop::no_child, 2, 2);
}
TEST_F(EspDrops, NoChildFromTheHost) {
  const Bytes packet = udp("172.31.0.1", 1, "10.19.0.9", 2, Bytes(8));
  esp.from_tun(packet);
  esp.bench.run();
  EXPECT_TRUE(esp.bench.sent(kWan).empty());
  EXPECT_EQ(esp.bench.drops(Drop::no_child), 1U);
}

TEST_F(EspDrops, Keepalive) {
  esp.receive(kUdp4, {0xff});
  esp.receive(kUdp6, {0xff});
  expect(Drop::esp_keepalive, 2);
}

// What has the marker is IKE's whatever follows: the host's twin has it, not an SA.
TEST_F(EspDrops, NonEspMarker) {
  EspSa none = pair.in;
  none.spi = 0;
  const Bytes esp_like = esp_seal(none, 1, EspBench::from(kEsp4), kIpv4Inside);
  esp.receive(kUdp4, esp_like);
  esp.bench.run();
  EXPECT_EQ(esp.bench.at_twin(kWan).size(), 1U);
  expect(Drop::esp_keepalive, 0);
  // IKE without it is no ESP that anybody knows.
  Bytes ike(28 + 8, 0x21);
  esp.receive(kUdp4, ike);
  expect(Drop::esp_unknown_spi);
}

TEST_F(EspDrops, InterfaceDown) {
  esp.bench.command(abi::InterfaceSet{.interface = kIpsec,
                                      .listen_port = htons(kNatPort),
                                      .mtu = kIpsecMtu,
                                      .up = 0,
                                      .kind = abi::TunnelKind::ipsec});
  esp.bench.settle();
  esp.receive(kEsp4, good(1));
  esp.bench.receive_ip(kLan, EspBench::to(kEsp4));
  expect(Drop::interface_down, 2);
}

TEST_F(EspDrops, NoEndpoint) {
  abi::PeerSet set = esp.peer(kEsp4);
  set.endpoint.neighbour = abi::kNoNeighbour;
  esp.bench.command(set);
  esp.bench.settle();
  esp.bench.receive_ip(kLan, EspBench::to(kEsp4));
  expect(Drop::no_endpoint, 1, 1);
}

// The plain packet waits, and goes nowhere.
TEST_F(EspDrops, WithoutAnSaNothingLeaves) {
  esp.bench.receive_ip(kLan, EspBench::to(kEsp6));
  esp.bench.run();
  EXPECT_TRUE(esp.bench.sent(kWan).empty());
  EXPECT_EQ(esp.bench.events<abi::NeedHandshake>().size(), 1U);
  const SaPair late = esp.install(kEsp6, {.local_id = 0x1002});
  esp.bench.run();
  const auto sent = esp.bench.sent(kWan);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(EspBench::esp_in(sent[0], kEsp6).size() % 4, 0U);
}

// RFC 4301, 5.2: in the clear it is not let in, also when it is for the gateway itself.
TEST_F(EspDrops, WhatAChildNamesInTheClear) {
  const auto host_gets = [&](const Bytes& packet) {
    esp.bench.receive_ip(kWan, packet);
    esp.bench.run();
    EXPECT_TRUE(esp.bench.sent(kLan).empty());
    return esp.bench.at_twin(kWan).size();
  };
  esp.bench.command(abi::LocalAddressSet{.owner = kLan, .address = address("10.1.0.1")});
  esp.bench.command(abi::LocalAddressSet{.owner = kLan, .address = address("fd01::1")});
  esp.bench.settle();
  EXPECT_EQ(host_gets(udp("10.12.0.9", 1, "10.1.0.1", 2, Bytes(8))), 0U);
  EXPECT_EQ(host_gets(udp("fd12::9", 1, "fd01::1", 2, Bytes(8))), 0U);
  const Bytes echo{8, 0, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(host_gets(ip("10.12.0.9", "10.1.0.1", 1, echo)), 0U);
  EXPECT_EQ(esp.bench.drops(Drop::inside_from_underlay), 3U);
  // What nobody could do without, and what no child names.
  const Bytes unreachable{3, 1, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(host_gets(ip("10.12.0.9", "10.1.0.1", 1, unreachable)), 1U);
  EXPECT_EQ(host_gets(udp("10.12.0.9", 500, "10.1.0.1", 500, Bytes(8))), 1U);
  EXPECT_EQ(host_gets(udp("10.12.0.9", 4500, "10.1.0.1", kNatPort, Bytes(32))), 1U) << "IKE";
  const Bytes solicitation(24, 0);
  Bytes neighbour = solicitation;
  neighbour[0] = 135;
  EXPECT_EQ(host_gets(ip("fd12::9", "fd01::1", 58, neighbour)), 1U);
  EXPECT_EQ(host_gets(udp("10.12.0.9", 1, "192.0.2.1", 2, Bytes(8))), 1U) << "not its local side";
  EXPECT_EQ(host_gets(udp("192.0.2.99", 1, "192.0.2.1", 2, Bytes(8))), 1U);
}

}  // namespace
}  // namespace gotthard::packet_test
