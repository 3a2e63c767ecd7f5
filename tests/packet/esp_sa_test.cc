// The life of an SA: numbers at their edges, limits, one after the other, a peer that moves.
#include <gtest/gtest.h>

#include <set>

#include "tests/packet/esp.h"

namespace gotthard::packet_test {
namespace {

using dataplane::Session;

constexpr std::uint64_t kRollover = std::uint64_t{1} << 32;

// The SA as the data plane has it: only a test brings it near its numbers' edges.
Session* session(EspBench* esp, const SaPair& pair) {
  return esp->bench.manager().shared().sessions.find(pair.local_id);
}

Bytes sealed(const SaPair& pair, std::uint64_t sequence) {
  return esp_seal(pair.in, sequence, EspBench::from(kEsp4), kIpv4Inside);
}

std::size_t opened(EspBench* esp, const SaPair& pair, std::uint64_t sequence) {
  esp->receive(kEsp4, sealed(pair, sequence));
  esp->bench.run();
  return esp->bench.sent(kLan).size();
}

TEST(EspNumbers, ExtendedOnesComeRound) {
  EspBench esp;
  const SaPair pair = esp.install(kEsp4, {.extended = true});
  // Up to the edge in steps below 2^31, then over it, forth and back within the window.
  for (const std::uint64_t at :
       {std::uint64_t{1}, kRollover / 2 - 100, kRollover - 200, kRollover - 3, kRollover - 1,
        kRollover, kRollover + 1, kRollover - 2, kRollover + 5, kRollover + 2}) {
    EXPECT_EQ(opened(&esp, pair, at), 1U) << at;
  }
  for (const std::uint64_t seen : {kRollover - 3, kRollover - 1, kRollover, kRollover + 5}) {
    EXPECT_EQ(opened(&esp, pair, seen), 0U) << seen;
  }
  EXPECT_EQ(esp.bench.drops(Drop::esp_replay), 4U);
  EXPECT_EQ(opened(&esp, pair, kRollover - 199), 1U) << "still in the window";
  EXPECT_EQ(opened(&esp, pair, kRollover + 5 - 1024), 0U);
  EXPECT_EQ(esp.bench.drops(Drop::esp_late), 1U);
  EXPECT_EQ(opened(&esp, pair, 2 * kRollover - 5), 0U) << "more than 2^31 ahead";
  EXPECT_EQ(esp.bench.all_drops(), 6U);
}

// A low half of zero is a number like others once the high half is not zero.
TEST(EspNumbers, ZeroIsTheFirstOnly) {
  EspBench esp;
  const SaPair pair = esp.install(kEsp4, {.extended = true});
  EXPECT_EQ(opened(&esp, pair, kRollover / 2 - 100), 1U);
  EXPECT_EQ(opened(&esp, pair, kRollover - 100), 1U);
  EXPECT_EQ(opened(&esp, pair, kRollover), 1U);
  EXPECT_EQ(esp.bench.all_drops(), 0U);
}

TEST(EspNumbers, ExtendedOnesAreSentOverTheEdge) {
  EspBench esp;
  const SaPair pair = esp.install(kEsp4, {.extended = true});
  session(&esp, pair)->next_counter = kRollover - 2;
  for (std::uint64_t n = kRollover - 2; n < kRollover + 2; ++n) {
    esp.bench.receive_ip(kLan, EspBench::to(kEsp4));
    esp.bench.run();
    const auto sent = esp.bench.sent(kWan);
    ASSERT_EQ(sent.size(), 1U);
    Bytes inner = EspBench::to(kEsp4);
    --inner[8];
    EXPECT_EQ(EspBench::esp_in(sent[0], kEsp4),
              esp_seal(pair.out, n, repaired(inner), kIpv4Inside));
  }
}

TEST(EspNumbers, Of32BitsTheyEndBeforeTheyComeRound) {
  EspBench esp;
  const SaPair pair = esp.install(kEsp4);
  session(&esp, pair)->next_counter = kRollover - 2;
  for (int i = 0; i < 5; ++i) {
    esp.bench.receive_ip(kLan, EspBench::to(kEsp4));
    esp.bench.run();
  }
  const auto sent = esp.bench.sent(kWan);
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(cut(EspBench::esp_in(sent[1], kEsp4), 4, 4), Bytes(4, 0xff));
  EXPECT_EQ(esp.bench.drops(Drop::esp_send_limit), 3U);
  const auto told = esp.bench.events<abi::SaAging>();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].hard, 1);
}

TEST(EspNumbers, BlocksAcrossTheEndOfABurst) {
  EspBench esp(2);
  abi::SaInstall limits;
  limits.hard_packets = 100;
  const SaPair pair = esp.install(kEsp4, {.limits = limits});
  for (unsigned i = 0; i < 150; ++i) {
    esp.bench.receive_ip(kLan, EspBench::to(kEsp4), i % 2);
  }
  esp.bench.run();
  std::set<Bytes> numbers;
  for (const Bytes& frame : esp.bench.sent(kWan)) {
    numbers.insert(cut(EspBench::esp_in(frame, kEsp4), 4, 4));
  }
  EXPECT_EQ(numbers.size(), 100U);
  EXPECT_EQ(esp.bench.drops(Drop::esp_send_limit), 50U);
}

// ---------------------------------------------------------------- limits

TEST(EspLimits, OfBytesSent) {
  EspBench esp;
  const std::size_t text = (EspBench::to(kEsp4).size() + 2 + 3) / 4 * 4;
  abi::SaInstall limits;
  limits.soft_bytes = 5 * text;
  limits.hard_bytes = 10 * text + 1;
  const SaPair pair = esp.install(kEsp4, {.limits = limits});
  const auto send = [&](int count) {
    for (int i = 0; i < count; ++i) {
      esp.bench.receive_ip(kLan, EspBench::to(kEsp4));
      esp.bench.run();
    }
    usleep(25'000);
    esp.bench.settle();
    return esp.bench.sent(kWan).size();
  };
  EXPECT_EQ(send(4), 4U);
  EXPECT_TRUE(esp.bench.events<abi::SaAging>().empty());
  EXPECT_EQ(send(1), 1U);
  EXPECT_EQ(esp.bench.events<abi::SaAging>().size(), 1U);
  EXPECT_EQ(send(10), 5U) << "not one byte over it";
  EXPECT_EQ(esp.bench.drops(Drop::esp_send_limit), 5U);
  const auto told = esp.bench.events<abi::SaAging>();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].hard, 0);
  EXPECT_EQ(told[1].hard, 1);
  EXPECT_EQ(told[1].local_id, pair.local_id);
}

TEST(EspLimits, OfPacketsAndBytesReceived) {
  for (const bool bytes : {false, true}) {
    EspBench esp;
    const std::size_t text = (EspBench::from(kEsp4).size() + 2 + 3) / 4 * 4;
    abi::SaInstall limits;
    (bytes ? limits.hard_bytes : limits.hard_packets) = bytes ? 3 * text : 3;
    const SaPair pair = esp.install(kEsp4, {.limits = limits});
    for (std::uint64_t n = 1; n <= 5; ++n) {
      EXPECT_EQ(opened(&esp, pair, n), n <= 3 ? 1U : 0U);
    }
    EXPECT_EQ(esp.bench.drops(Drop::esp_expired), 2U);
    EXPECT_EQ(esp.bench.events<abi::SaAging>().size(), 1U);
  }
}

TEST(EspLimits, OfTime) {
  EspBench esp;
  abi::SaInstall limits;
  limits.soft_after_ns = 50 * kMillisecond;
  limits.reject_after_ns = 200 * kMillisecond;
  limits.erase_after_ns = 400 * kMillisecond;
  const SaPair pair = esp.install(kEsp4, {.limits = limits});
  EXPECT_EQ(opened(&esp, pair, 1), 1U);
  usleep(210'000);
  EXPECT_EQ(opened(&esp, pair, 2), 0U);
  EXPECT_EQ(esp.bench.drops(Drop::esp_expired), 1U);
  usleep(250'000);
  esp.bench.run();
  esp.bench.settle();
  EXPECT_EQ(esp.bench.events<abi::SessionErased>().size(), 1U);
  EXPECT_EQ(session(&esp, pair), nullptr);
  const auto told = esp.bench.events<abi::SaAging>();
  ASSERT_FALSE(told.empty());
  EXPECT_LE(told.size(), 2U);
}

// ---------------------------------------------------------------- one after the other

TEST(EspRekey, NothingIsLost) {
  EspBench esp;
  std::vector<SaPair> pairs{esp.install(kEsp4)};
  std::size_t received = 0;
  for (std::uint32_t n = 0; n < 5; ++n) {
    pairs.push_back(esp.install(kEsp4, {.local_id = 0x1002 + n}));
    // The peer still uses the one before for a while, and the new one already.
    const SaPair& old = pairs[pairs.size() - 2];
    const SaPair& young = pairs.back();
    received += opened(&esp, old, 100);
    received += opened(&esp, young, 1);
    received += opened(&esp, old, 101);
    esp.bench.receive_ip(kLan, EspBench::to(kEsp4));
    esp.bench.run();
    const auto sent = esp.bench.sent(kWan);
    ASSERT_EQ(sent.size(), 1U);
    const Bytes packet = EspBench::esp_in(sent[0], kEsp4);
    Bytes inner = EspBench::to(kEsp4);
    --inner[8];
    EXPECT_EQ(packet, esp_seal(young.out, 1, repaired(inner), kIpv4Inside));
  }
  EXPECT_EQ(received, 15U);
  EXPECT_EQ(esp.bench.all_drops(), 0U);
  EXPECT_EQ(esp.bench.link().directory()->peer[kEsp4].rx_packets.load(), 15U) << "one child's";
}

TEST(EspRekey, AResponderSealsWhenThePeerHasShownTheKey) {
  EspBench esp;
  const SaPair first = esp.install(kEsp4);
  const SaPair next =
      esp.install(kEsp4, {.use = abi::KeyUse::after_first_inbound, .local_id = 0x1002});
  const auto spi = [&] {
    esp.bench.receive_ip(kLan, EspBench::to(kEsp4));
    esp.bench.run();
    return cut(EspBench::esp_in(esp.bench.sent(kWan).at(0), kEsp4), 2, 2);
  };
  EXPECT_EQ(spi(), (Bytes{0x10, 0x01}));
  EXPECT_EQ(opened(&esp, next, 1), 1U);
  EXPECT_EQ(spi(), (Bytes{0x10, 0x02}));
}

TEST(EspRekey, AKeyIsUsedOnce) {
  EspBench esp;
  const SaPair pair = esp.install(kEsp4);
  const auto refused = [&](SaPair again, EspBench::Terms terms) {
    again.local_id = terms.local_id;
    esp.bench.forget_events();
    esp.bench.command(EspBench::command(kEsp4, terms, again));
    esp.bench.settle();
    const auto events = esp.bench.events<abi::CommandRefused>();
    return events.size() == 1 && events[0].reason == abi::Refusal::key_reused;
  };
  EXPECT_TRUE(refused(pair, {.local_id = 0x1005}));
  SaPair salted = pair;
  salted.out.salt = {9, 9, 9, 9};
  EXPECT_TRUE(refused(salted, {.local_id = 0x1005})) << "the salt makes no new key of it";
  std::swap(salted.in, salted.out);
  EXPECT_TRUE(refused(salted, {.local_id = 0x1005}));
  esp.bench.command(abi::SessionRemove{.local_id = pair.local_id});
  esp.bench.settle();
  esp.bench.run();
  EXPECT_TRUE(refused(pair, {.local_id = pair.local_id}));
}

TEST(EspRekey, WhatDoesNotFitIsRefused) {
  EspBench esp;
  const SaPair pair{.local_id = 0x1001,
                    .in = {.spi = 0x1001, .key = Bytes(16, 1), .salt = Bytes(4)},
                    .out = {.spi = 0x2001, .key = Bytes(16, 2), .salt = Bytes(4)}};
  const auto refused = [&](const abi::SaInstall& command) {
    esp.bench.forget_events();
    esp.bench.command(command);
    esp.bench.settle();
    return esp.bench.events<abi::CommandRefused>().size() == 1;
  };
  const abi::SaInstall good = EspBench::command(kEsp4, {}, pair);
  abi::SaInstall bad = good;
  bad.suite = 16;
  EXPECT_TRUE(refused(bad));
  bad = good;
  bad.key_length = 16;  // without the salt
  EXPECT_TRUE(refused(bad));
  bad = good;
  bad.peer = 0;  // WireGuard's
  EXPECT_TRUE(refused(bad));
  bad = good;
  bad.options = 4;
  EXPECT_TRUE(refused(bad));
  bad = good;
  bad.window = 512;
  EXPECT_TRUE(refused(bad));
  EXPECT_FALSE(refused(good));
}

// ---------------------------------------------------------------- NAT

TEST(EspNat, APeerThatMovesIsFollowedOnceItIsAuthentic) {
  EspBench esp;
  const SaPair pair = esp.install(kUdp4);
  const auto arrive = [&](const std::string& from, std::uint16_t port, const Bytes& packet) {
    esp.bench.receive_ip(kWan, udp(from, port, "192.0.2.1", kNatPort, packet));
    esp.bench.run();
    return esp.bench.events<abi::EndpointMoved>();
  };
  const auto good = [&](std::uint64_t sequence) {
    return esp_seal(pair.in, sequence, EspBench::from(kUdp4), kIpv4Inside);
  };
  EXPECT_TRUE(arrive("192.0.2.2", 40001, good(1)).empty());
  Bytes forged = good(2);
  forged.back() ^= 1;
  EXPECT_TRUE(arrive("192.0.2.77", 5000, forged).empty());
  EXPECT_TRUE(arrive("192.0.2.77", 5000, good(1)).empty()) << "a replay";
  const auto moved = arrive("192.0.2.77", 5000, good(2));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].peer, kUdp4);
  EXPECT_EQ(moved[0].remote, address("192.0.2.77"));
  EXPECT_EQ(ntohs(moved[0].remote_port), 5000);
}

// What its SA may not carry says nothing of where the peer is.
TEST(EspNat, WhatIsRefusedMovesNobody) {
  EspBench esp;
  const SaPair pair = esp.install(kUdp4);
  const Bytes foreign = udp("203.0.113.5", 1, "10.1.0.2", 2, Bytes(8));
  esp.bench.receive_ip(kWan, udp("192.0.2.77", 5000, "192.0.2.1", kNatPort,
                                 esp_seal(pair.in, 1, foreign, kIpv4Inside)));
  esp.bench.run();
  EXPECT_EQ(esp.bench.drops(Drop::esp_selector_denied), 1U);
  EXPECT_TRUE(esp.bench.events<abi::EndpointMoved>().empty());
  // A dummy does.
  esp.bench.receive_ip(kWan, udp("192.0.2.77", 5000, "192.0.2.1", kNatPort,
                                 esp_seal(pair.in, 2, {}, kNothingInside)));
  esp.bench.run();
  EXPECT_EQ(esp.bench.events<abi::EndpointMoved>().size(), 1U);
}

TEST(EspNat, SeveralBehindOneAddress) {
  EspBench esp;
  std::vector<SaPair> pairs;
  for (std::uint32_t n = 0; n < 3; ++n) {
    abi::PeerSet set = esp.peer(kUdp4);
    set.peer = 10 + n;
    set.public_key[0] = static_cast<std::uint8_t>(10 + n);
    set.endpoint.remote_port = htons(static_cast<std::uint16_t>(50000 + n));
    esp.bench.command(set);
    using enum abi::SelectorSide;
    esp.select(10 + n, {EspBench::selector(local, "10.1.0.0", 16),
                        EspBench::selector(remote, "10.19." + std::to_string(n) + ".0", 24)});
    pairs.push_back(esp.install(10 + n, {.local_id = 0x1010 + n}));
  }
  esp.bench.settle();
  for (std::uint32_t n = 0; n < 3; ++n) {
    const std::string host = "10.19." + std::to_string(n) + ".1";
    esp.bench.receive_ip(kLan, udp("10.1.0.2", 1, host, 2, Bytes(8)));
    esp.bench.receive_ip(
        kWan, udp("192.0.2.2", static_cast<std::uint16_t>(50000 + n), "192.0.2.1", kNatPort,
                  esp_seal(pairs[n].in, 1, udp(host, 1, "10.1.0.2", 2, Bytes(8)), kIpv4Inside)));
    esp.bench.run();
    EXPECT_EQ(esp.bench.sent(kLan).size(), 1U);
    const auto sent = esp.bench.sent(kWan);
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(get16(sent[0], 14 + 20 + 2), 50000 + n);
  }
  EXPECT_TRUE(esp.bench.events<abi::EndpointMoved>().empty());
}

}  // namespace
}  // namespace gotthard::packet_test
