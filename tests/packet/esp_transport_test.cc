// Transport mode: the packet keeps its header.
#include <gtest/gtest.h>

#include "tests/packet/esp.h"

namespace gotthard::packet_test {
namespace {

class Transport : public testing::TestWithParam<std::uint32_t> {
 protected:
  static std::string ours() { return is_v6(GetParam()) ? "2001:db8::1" : "192.0.2.1"; }
  static std::string theirs() { return is_v6(GetParam()) ? "2001:db8::2" : "192.0.2.2"; }
  void SetUp() override {
    using enum abi::SelectorSide;
    const unsigned host = is_v6(GetParam()) ? 128 : 32;
    esp.select(GetParam(), {EspBench::selector(local, ours(), host),
                            EspBench::selector(remote, theirs(), host)});
    esp.bench.command(abi::NextHopSet{.next_hop = 21, .kind = abi::HopKind::local, .port = kWan});
    esp.bench.route(ours(), static_cast<std::uint8_t>(host), 21);
    esp.bench.commit();
    pair = esp.install(GetParam(),
                       {.suite = crypto::Suite::chacha20_poly1305, .options = abi::kTransportMode});
  }

  EspBench esp;
  SaPair pair;
};
INSTANTIATE_TEST_SUITE_P(Esp, Transport, testing::Values(kEsp4, kEsp6, kUdp4, kUdp6),
                         [](const auto& child) {
                           return std::string(in_udp(child.param) ? "Udp" : "Esp") +
                                  (is_v6(child.param) ? "6" : "4");
                         });

TEST_P(Transport, ThereAndBack) {
  const Bytes packet = udp(ours(), 7, theirs(), 8, Bytes(100, 0x42));
  esp.from_tun(packet);
  esp.bench.run();
  const auto sent = esp.bench.sent(kWan);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(EspBench::esp_in(sent[0], GetParam()),
            esp_seal(pair.out, 1, cut(packet, ip_header_size(packet)), 17));
  EXPECT_EQ(cut(sent[0], 14)[is_v6(GetParam()) ? 7 : 8], 64) << "its own header";

  const Bytes back = udp(theirs(), 8, ours(), 7, Bytes(100, 0x43));
  esp.receive(GetParam(), esp_seal(pair.in, 1, cut(back, ip_header_size(back)), 17));
  esp.bench.run();
  const auto arrived = esp.at_tun();
  ASSERT_EQ(arrived.size(), 1U);
  EXPECT_EQ(arrived[0], back);
  EXPECT_EQ(esp.bench.all_drops(), 0U);
}

TEST_P(Transport, OthersAddressesAndPiecesStay) {
  if (is_v6(GetParam())) {
    return;
  }
  esp.from_tun(as_piece(udp(ours(), 7, theirs(), 8, Bytes(96)), 0, true));
  esp.bench.run();
  EXPECT_TRUE(esp.bench.sent(kWan).empty());
  EXPECT_EQ(esp.bench.drops(Drop::no_child), 1U);
}

}  // namespace
}  // namespace gotthard::packet_test
