// Packets that wait for a session or a neighbour, and go on in order.
#include <gtest/gtest.h>

#include "tests/packet/messages.h"

namespace gotthard::packet_test {
namespace {

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

}  // namespace
}  // namespace gotthard::packet_test
