// Congestion notification and DSCP through tunnels (RFC 6040), and identifications of outer
// packets.
#include <gtest/gtest.h>

#include <set>

#include "dataplane/wire/ecn.h"
#include "tests/packet/messages.h"

namespace gotthard::packet_test {
namespace {

// RFC 6040, figure 4, as it is printed there: rows not-ECT, ECT(0), ECT(1), CE; columns the same.
TEST(Ecn, DecapsulatesAsTheFigureSays) {
  constexpr std::uint8_t kNone = 0, kEct1 = 1, kEct0 = 2, kCe = 3, kDrop = 9;
  const std::array order{kNone, kEct0, kEct1, kCe};
  const std::array<std::array<std::uint8_t, 4>, 4> figure{{{kNone, kNone, kNone, kDrop},
                                                           {kEct0, kEct0, kEct1, kCe},
                                                           {kEct1, kEct1, kEct1, kCe},
                                                           {kCe, kCe, kCe, kCe}}};
  for (std::size_t row = 0; row < 4; ++row) {
    for (std::size_t column = 0; column < 4; ++column) {
      EXPECT_EQ(wire::decapsulated_ecn(order[row], order[column]).value_or(kDrop),
                figure[row][column])
          << "inner " << row << ", outer " << column;
    }
  }
}

class Classes : public testing::TestWithParam<std::tuple<bool, bool>> {
 protected:
  bool inner6 = std::get<0>(GetParam());
  bool outer6 = std::get<1>(GetParam());
  std::uint32_t peer = outer6 ? 1 : 0;
  std::string far = outer6 ? (inner6 ? "fd03::9" : "10.3.0.9") : (inner6 ? "fd02::9" : "10.2.0.9");
  std::string near = inner6 ? "fd01::2" : "10.1.0.2";
};
INSTANTIATE_TEST_SUITE_P(Ecn, Classes, testing::Combine(testing::Bool(), testing::Bool()));

TEST_P(Classes, SealedPacketsSayOfCongestionWhatTheInnerOnesDo) {
  Bench bench;
  const Keys keys = bench.install(peer, kSession0);
  for (const bool copy : {false, true}) {
    bench.command(abi::InterfaceSet{.interface = 0,
                                    .listen_port = htons(kListenPort),
                                    .mtu = kTunnelMtu,
                                    .options = copy ? abi::kCopyDscp : std::uint8_t{0}});
    bench.settle();
    for (unsigned value = 0; value < 256; ++value) {
      const auto inner = static_cast<std::uint8_t>(value);
      bench.receive_ip(kLan, with_class(udp(near, 1, far, 2, Bytes(20)), inner));
      bench.run();
      const auto sent = bench.sent(kWan);
      ASSERT_EQ(sent.size(), 1U);
      EXPECT_EQ(class_of(cut(sent[0], 14)), copy ? inner : inner & 3);
      const auto opened = open(keys.send, message_in(sent[0], outer6));
      ASSERT_TRUE(opened);
      EXPECT_EQ(class_of(opened->text), inner) << "the inner one stays";
    }
  }
}

TEST_P(Classes, OpenedPacketsLearnOfCongestion) {
  Bench bench;
  const Keys keys = bench.install(peer, kSession0);
  std::uint64_t counter = 0;
  for (std::uint8_t inner = 0; inner < 4; ++inner) {
    for (std::uint8_t outer = 0; outer < 4; ++outer) {
      const auto dscp = static_cast<std::uint8_t>(0xb8 | inner);
      const Bytes message = seal(keys.receive, kSession0, counter++,
                                 with_class(udp(far, 1, near, 2, Bytes(20)), dscp));
      bench.receive_ip(kWan,
                       with_class(udp(outer6 ? "2001:db8::2" : "192.0.2.2", 40000,
                                      outer6 ? "2001:db8::1" : "192.0.2.1", kListenPort, message),
                                  outer));
      bench.run();
      const auto sent = bench.sent(kLan);
      const auto expected = wire::decapsulated_ecn(inner, outer);
      ASSERT_EQ(sent.size(), expected ? 1U : 0U);
      if (expected) {
        const Bytes packet = cut(sent[0], 14);
        EXPECT_EQ(class_of(packet), 0xb8 | *expected);
        EXPECT_EQ(udp_sum(packet), 0);
        EXPECT_TRUE(inner6 || internet_sum(cut(packet, 0, 20)) == 0);
      }
    }
  }
}

TEST(Ecn, NoTwoWorkersGiveOneIdentification) {
  Bench bench(2);
  (void)bench.install(0, kSession0);
  std::set<std::uint16_t> ids;
  for (unsigned i = 0; i < 200; ++i) {
    bench.receive_ip(kLan, to_peer0(), i % 2);
    bench.run();
    for (const Bytes& frame : bench.sent(kWan)) {
      EXPECT_TRUE(ids.insert(get16(frame, 18)).second) << i;
    }
  }
  EXPECT_EQ(ids.size(), 200U);
}

}  // namespace
}  // namespace gotthard::packet_test
