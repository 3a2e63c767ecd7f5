// TCP segments that are made to fit a tunnel.
#include <gtest/gtest.h>

#include "tests/packet/messages.h"

namespace gotthard::packet_test {
namespace {

Bytes tcp(const std::string& from, const std::string& to, std::uint8_t flags,
          const Bytes& options) {
  Bytes segment{0x04, 0xd2, 0, 80, 1, 2, 3, 4, 0, 0, 0, 0, 0, flags, 0x20, 0, 0, 0, 0, 0};
  segment[12] = static_cast<std::uint8_t>((20 + options.size()) / 4 << 4);
  segment = cat(segment, options);
  Bytes packet = ip(from, to, 6, segment);
  const std::size_t header = ip_header_size(packet);
  Bytes all = header == 20 ? cut(packet, 12, 8) : cut(packet, 8, 32);
  all = cat(all, {0, 6, 0, static_cast<std::uint8_t>(segment.size())});
  put16(&packet, header + 16, internet_sum(cat(all, segment)));
  return packet;
}

bool tcp_sum_ok(const Bytes& packet) {
  const std::size_t header = ip_header_size(packet);
  const std::size_t size = (header == 20 ? get16(packet, 2) : get16(packet, 4) + 40U) - header;
  Bytes all = header == 20 ? cut(packet, 12, 8) : cut(packet, 8, 32);
  all = cat(all, {0, 6, 0, static_cast<std::uint8_t>(size)});
  return internet_sum(cat(all, cut(packet, header, size))) == 0;
}

constexpr std::uint8_t kSyn = 2, kSynAck = 0x12, kAck = 0x10;

class Mss : public testing::Test {
 protected:
  void clamp(std::uint8_t options) {
    bench.command(abi::InterfaceSet{
        .interface = 0, .listen_port = htons(kListenPort), .mtu = kTunnelMtu, .options = options});
    bench.settle();
  }
  Bytes sealed(const Bytes& packet) {
    bench.receive_ip(kLan, packet);
    bench.run();
    const auto sent = bench.sent(kWan);
    return sent.size() == 1 ? open(keys.send, message_in(sent[0], false)).value().text : Bytes{};
  }
  Bytes opened(const Bytes& packet) {
    bench.receive_sealed(0, seal(keys.receive, kSession0, counter++, packet));
    bench.run();
    const auto sent = bench.sent(kLan);
    return sent.size() == 1 ? cut(sent[0], 14) : Bytes{};
  }
  Bench bench;
  Keys keys = bench.install(0, kSession0);
  std::uint64_t counter = 0;
};

TEST_F(Mss, IsLeftAloneUnlessAskedFor) {
  EXPECT_EQ(get16(sealed(tcp("10.1.0.2", "10.2.0.9", kSyn, {2, 4, 5, 0xb4})), 42), 1460);
}

TEST_F(Mss, FitsBothWaysAndInBothFamilies) {
  clamp(abi::kClampMss);
  const Bytes out4 = sealed(tcp("10.1.0.2", "10.2.0.9", kSyn, {2, 4, 5, 0xb4}));
  EXPECT_EQ(get16(out4, 42), kTunnelMtu - 40);
  EXPECT_TRUE(tcp_sum_ok(out4));
  const Bytes out6 = sealed(tcp("fd01::2", "fd02::9", kSyn, {2, 4, 5, 0xa0}));
  EXPECT_EQ(get16(out6, 62), kTunnelMtu - 60);
  EXPECT_TRUE(tcp_sum_ok(out6));
  const Bytes in4 = opened(tcp("10.2.0.9", "10.1.0.2", kSynAck, {2, 4, 5, 0xb4}));
  EXPECT_EQ(get16(in4, 42), kTunnelMtu - 40);
  EXPECT_TRUE(tcp_sum_ok(in4));
}

TEST_F(Mss, IsFoundAmongOtherOptionsAtAnyOffset) {
  clamp(abi::kClampMss);
  // Two that are no operation, then one of three bytes: the value begins at an odd offset.
  const Bytes odd =
      sealed(tcp("10.1.0.2", "10.2.0.9", kSyn, {1, 3, 3, 7, 1, 2, 4, 5, 0xb4, 1, 1, 0}));
  EXPECT_EQ(get16(odd, 47), kTunnelMtu - 40);
  EXPECT_TRUE(tcp_sum_ok(odd));
}

TEST_F(Mss, WhatIsSmallOrNoSynOrMalformedStays) {
  clamp(abi::kClampMss);
  for (const auto& [flags, options] : std::vector<std::pair<std::uint8_t, Bytes>>{
           {kSyn, {2, 4, 2, 0}},                    // small already
           {kAck, {2, 4, 5, 0xb4}},                 // no SYN
           {kSyn, {0, 2, 4, 5, 0xb4, 0, 0, 0}},     // after the end of options
           {kSyn, {3, 0, 2, 4, 5, 0xb4, 0, 0}},     // an option without length
           {kSyn, {8, 40, 2, 4, 5, 0xb4, 0, 0}},    // an option beyond the header
           {kSyn, {2, 3, 5, 0xb4, 0, 0, 0, 0}}}) {  // of a length that it does not have
    const Bytes packet = tcp("10.1.0.2", "10.2.0.9", flags, options);
    const Bytes after = sealed(packet);
    EXPECT_EQ(cut(after, 20, packet.size() - 20), cut(packet, 20)) << unsigned{flags};
  }
}

}  // namespace
}  // namespace gotthard::packet_test
