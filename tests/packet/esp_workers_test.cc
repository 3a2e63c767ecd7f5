// Which worker seals with an SA.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "tests/packet/esp.h"

namespace gotthard::packet_test {
namespace {

std::vector<std::uint32_t> order_of(const std::vector<Bytes>& frames) {
  std::vector<std::uint32_t> result;
  for (const Bytes& frame : frames) {
    const Bytes esp = EspBench::esp_in(frame, kEsp4);
    result.push_back(static_cast<std::uint32_t>(get16(esp, 4) << 16 | get16(esp, 6)));
  }
  return result;
}

// A window of 32 forgives nothing that two workers could do to the order.
TEST(EspWorkers, OneSealsForAPeerWithASmallWindow) {
  EspBench esp(2);
  abi::PeerSet set = esp.peer(kEsp4);
  set.reorder_budget = 32;
  set.sealing_worker = 1;
  esp.bench.command(set);
  const SaPair pair = esp.install(kEsp4);
  for (unsigned i = 0; i < 300; ++i) {
    esp.bench.receive_ip(kLan, EspBench::to(kEsp4), i % 2);
    if (i % 50 == 0) {
      esp.bench.run();
    }
  }
  esp.bench.run();
  const auto order = order_of(esp.bench.sent(kWan));
  ASSERT_EQ(order.size(), 300U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_EQ(esp.bench.all_drops(), 0U);
  const auto stage = static_cast<std::size_t>(StageId::esp_encap);
  EXPECT_EQ(esp.bench.manager().workers()[1]->counters().stages[stage].packets.get(), 300U);
}

TEST(EspWorkers, AFullRingIsCounted) {
  EspBench esp(2);
  abi::PeerSet set = esp.peer(kEsp4);
  set.reorder_budget = 32;
  set.sealing_worker = 1;
  esp.bench.command(set);
  (void)esp.install(kEsp4);
  for (unsigned i = 0; i < 5000; i += 500) {
    for (unsigned n = 0; n < 500; ++n) {
      esp.bench.receive_ip(kLan, EspBench::to(kEsp4), 0);
    }
    const auto& first = esp.bench.manager().workers()[0];
    first->online();
    while (first->poll()) {
    }
    first->offline();
  }
  EXPECT_EQ(esp.bench.drops(Drop::handover_full), 5000U - dataplane::kHandedDepth);
  const auto& second = esp.bench.manager().workers()[1];
  for (int i = 0; i < 5; ++i) {
    second->online();
    for (int n = 0; n < 30; ++n) {
      (void)second->poll();
    }
    second->offline();
    (void)esp.bench.sent(kWan);
  }
}

// RFC 9611: the same selectors for several SAs, each worker its own.
TEST(EspWorkers, EachItsOwnSa) {
  EspBench esp(2);
  for (const std::uint32_t child : {6U, 7U}) {
    abi::PeerSet set = esp.peer(kEsp4);
    set.peer = child;
    set.public_key[0] = static_cast<std::uint8_t>(child);
    set.reorder_budget = 32;
    set.sealing_worker = static_cast<std::uint8_t>(child - 6);
    esp.bench.command(set);
    using enum abi::SelectorSide;
    esp.select(
        child,
        {EspBench::selector(local, "10.1.0.0", 16), EspBench::selector(remote, "10.19.0.0", 16)},
        child == 6 ? 2 : 0);
  }
  esp.bench.settle();
  const SaPair first = esp.install(6, {.local_id = 0x1006});
  const SaPair second = esp.install(7, {.local_id = 0x1007});
  for (unsigned i = 0; i < 40; ++i) {
    esp.bench.receive_ip(kLan, udp("10.1.0.2", 1, "10.19.0.1", 2, Bytes(10)), i % 2);
  }
  esp.bench.run();
  std::map<std::uint16_t, int> by_spi;
  for (const Bytes& frame : esp.bench.sent(kWan)) {
    ++by_spi[get16(EspBench::esp_in(frame, kEsp4), 2)];
  }
  EXPECT_EQ(by_spi, (std::map<std::uint16_t, int>{{0x1006, 20}, {0x1007, 20}}));
  // Either opens what the selectors name.
  esp.receive(kEsp4,
              esp_seal(second.in, 1, udp("10.19.0.1", 1, "10.1.0.2", 2, Bytes(8)), kIpv4Inside));
  esp.bench.run();
  EXPECT_EQ(esp.bench.sent(kLan).size(), 1U);
  EXPECT_EQ(esp.bench.all_drops(), 0U);
}

}  // namespace
}  // namespace gotthard::packet_test
