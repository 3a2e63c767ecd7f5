// Frames that nobody would send, thousands of them.
#include <gtest/gtest.h>

#include <random>

#include "tests/packet/messages.h"

namespace gotthard::packet_test {
namespace {

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
