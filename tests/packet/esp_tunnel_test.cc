// What goes through ESP's tunnels: each suite, inside and outside, in and out of UDP.
#include <gtest/gtest.h>

#include <set>

#include "dataplane/wire/fragment.h"
#include "tests/packet/esp.h"

namespace gotthard::packet_test {
namespace {

std::string suite_name(crypto::Suite suite) {
  const std::string bits = std::to_string(8 * crypto::cipher_key_size(suite));
  switch (crypto::family_of(suite)) {
    case crypto::Family::chacha20_poly1305:
      return "Chacha20Poly1305";
    case crypto::Family::aes_gcm:
      return "Aes" + bits + "Gcm";
    case crypto::Family::aes_gmac:
      return "Aes" + bits + "Gmac";
    case crypto::Family::aes_cbc_hmac:
      return "Aes" + bits + "CbcHmac" + std::to_string(8 * crypto::mac_key_size(suite));
  }
  return "";
}

class Suites : public testing::TestWithParam<std::tuple<int, bool>> {
 protected:
  EspBench::Terms terms() const {
    return {.suite = static_cast<crypto::Suite>(std::get<0>(GetParam())),
            .extended = std::get<1>(GetParam())};
  }
  EspBench esp;
};
INSTANTIATE_TEST_SUITE_P(Esp, Suites,
                         testing::Combine(testing::Range(0, static_cast<int>(crypto::kSuites)),
                                          testing::Bool()),
                         [](const auto& suite) {
                           return suite_name(static_cast<crypto::Suite>(std::get<0>(suite.param))) +
                                  (std::get<1>(suite.param) ? "Extended" : "");
                         });

Bytes one_hop_less(Bytes packet) {
  --packet[packet[0] >> 4 == 6 ? 7 : 8];
  return repaired(packet);
}

// Byte by byte what the reference makes of it.
TEST_P(Suites, SealsAndOpensWithEachChild) {
  std::uint32_t local_id = 0x1001;
  for (const std::uint32_t child : {kEsp4, kEsp6, kUdp4, kUdp6}) {
    auto with = terms();
    with.local_id = local_id++;
    const SaPair pair = esp.install(child, with);
    std::uint64_t sequence = 1;
    for (const bool v6 : {false, true}) {
      for (const std::size_t size : {0, 1, 2, 3, 4, 15, 16, 17, 1200}) {
        esp.bench.receive_ip(kLan, EspBench::to(child, v6, size));
        esp.bench.run();
        const auto sent = esp.bench.sent(kWan);
        ASSERT_EQ(sent.size(), 1U);
        EXPECT_EQ(EspBench::esp_in(sent[0], child),
                  esp_seal(pair.out, sequence, one_hop_less(EspBench::to(child, v6, size)),
                           v6 ? kIpv6Inside : kIpv4Inside));

        esp.receive(child, esp_seal(pair.in, sequence, EspBench::from(child, v6, size),
                                    v6 ? kIpv6Inside : kIpv4Inside));
        esp.bench.run();
        const auto opened = esp.bench.sent(kLan);
        ASSERT_EQ(opened.size(), 1U) << child << " " << size;
        EXPECT_EQ(cut(opened[0], 14), one_hop_less(EspBench::from(child, v6, size)));
        ++sequence;
      }
    }
  }
  EXPECT_EQ(esp.bench.all_drops(), 0U);
  const auto& peer = esp.bench.link().directory()->peer[kEsp4];
  EXPECT_EQ(peer.tx_packets.load(), 18U);
  EXPECT_EQ(peer.rx_packets.load(), 18U);
}

TEST_P(Suites, OneBitThatIsWrongOpensNothing) {
  const SaPair pair = esp.install(kEsp4, terms());
  const Bytes good = esp_seal(pair.in, 1, EspBench::from(kEsp4), kIpv4Inside);
  std::uint64_t changed = 0;
  for (std::size_t at = 8; at < good.size(); at += 3, ++changed) {  // behind the numbers
    Bytes bad = good;
    bad[at] ^= 0x10;
    esp.receive(kEsp4, bad);
  }
  esp.bench.run();
  EXPECT_TRUE(esp.bench.sent(kLan).empty());
  EXPECT_EQ(esp.bench.drops(Drop::esp_open_failed), changed);
  EXPECT_EQ(esp.bench.all_drops(), changed);
  esp.receive(kEsp4, good);  // what was forged has not used its number up
  esp.bench.run();
  EXPECT_EQ(esp.bench.sent(kLan).size(), 1U);
}

TEST(Esp, PaddingForFlowConfidentialityAndDummies) {
  EspBench esp;
  const SaPair pair = esp.install(kEsp4);
  const Bytes packet = EspBench::from(kEsp4);
  Bytes padded = packet;
  padded.resize(1000, 0xaa);  // RFC 4303, 2.7: behind what the inner header's length says
  esp.receive(kEsp4, esp_seal(pair.in, 1, padded, kIpv4Inside));
  esp.receive(kEsp4, esp_seal(pair.in, 2, Bytes(200, 0x55), kNothingInside));
  esp.receive(kEsp4, esp_seal(pair.in, 3, {}, kNothingInside));
  esp.bench.run();
  const auto sent = esp.bench.sent(kLan);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(cut(sent[0], 14), one_hop_less(packet));
  EXPECT_EQ(esp.bench.all_drops(), 0U);
  EXPECT_EQ(esp.bench.link().directory()->peer[kEsp4].rx_keepalives.load(), 2U);
}

TEST(Esp, AnEmptyPacketIsADummy) {
  EspBench esp;
  const SaPair pair = esp.install(kUdp6);
  esp.bench.command(abi::KeepaliveSend{.peer = kUdp6});
  esp.bench.run();
  const auto sent = esp.bench.sent(kWan);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(EspBench::esp_in(sent[0], kUdp6), esp_seal(pair.out, 1, {}, kNothingInside));
}

TEST(Esp, AnyWorkerSealsAndOpensAnySa) {
  EspBench esp(2);
  const SaPair pair = esp.install(kEsp4);
  for (unsigned i = 0; i < 200; ++i) {
    esp.bench.receive_ip(kLan, EspBench::to(kEsp4), i % 2);
    esp.receive(kEsp4, esp_seal(pair.in, i + 1, EspBench::from(kEsp4), kIpv4Inside), i % 2);
    if (i % 7 == 0) {
      esp.bench.run();
    }
  }
  esp.bench.run();
  std::set<Bytes> ivs;
  for (const Bytes& frame : esp.bench.sent(kWan)) {
    EXPECT_TRUE(ivs.insert(cut(EspBench::esp_in(frame, kEsp4), 8, 8)).second) << "a nonce twice";
  }
  EXPECT_EQ(ivs.size(), 200U);
  EXPECT_EQ(esp.bench.sent(kLan).size(), 200U);
  EXPECT_EQ(esp.bench.all_drops(), 0U);
}

TEST(Esp, BesideWireGuard) {
  EspBench esp;
  const SaPair pair = esp.install(kEsp4);
  const Keys keys = esp.bench.install(0, 0x12340100);
  // From one tunnel into the other, both ways.
  esp.select(kEsp4, {EspBench::selector(abi::SelectorSide::local, "10.2.0.0", 16),
                     EspBench::selector(abi::SelectorSide::remote, "10.12.0.0", 16)});
  esp.bench.settle();
  esp.bench.receive_sealed(
      0, seal(keys.receive, 0x12340100, 0, udp("10.2.0.9", 1, "10.12.0.9", 2, Bytes(100))));
  esp.receive(kEsp4,
              esp_seal(pair.in, 1, udp("10.12.0.9", 2, "10.2.0.9", 1, Bytes(100)), kIpv4Inside));
  esp.bench.run();
  EXPECT_EQ(esp.bench.sent(kWan).size(), 2U);
  EXPECT_EQ(esp.bench.all_drops(), 0U);
  // An SPI is no receiver index, and the other way round.
  esp.bench.receive_sealed(0, seal(keys.receive, pair.local_id, 1, Bytes(32)));
  Bytes spi = esp_seal(pair.in, 2, EspBench::from(kEsp4), kIpv4Inside);
  spi[0] = 0x12;
  spi[1] = 0x34;
  spi[2] = 0x01;
  spi[3] = 0x00;
  esp.receive(kEsp4, spi);
  esp.bench.run();
  EXPECT_EQ(esp.bench.drops(Drop::wg_unknown_session), 1U);
  EXPECT_EQ(esp.bench.drops(Drop::esp_unknown_spi), 1U);
}

// Also while others' many selectors keep tables from being built at every turn.
TEST(Esp, WhatIsToldToBeAppliedIncludesSelectors) {
  using enum abi::SelectorSide;
  EspBench esp;
  (void)esp.install(kEsp4);
  for (const std::uint32_t child : {kEsp6, kUdp4, kUdp6}) {
    std::vector<abi::SelectorAdd> many;
    for (unsigned n = 0; n < abi::kMaxSelectors; ++n) {
      const std::string net = std::to_string(child) + "." + std::to_string(n) + ".0";
      many.push_back(EspBench::selector(local, "10.20" + net, 24));
      many.push_back(EspBench::selector(remote, "10.21" + net, 24));
    }
    esp.select(child, many);
  }
  const auto select = [&](unsigned n) {
    esp.select(kEsp4, {EspBench::selector(local, "10.1.0.0", 16),
                       EspBench::selector(remote, "10.12." + std::to_string(n) + ".0", 24)});
  };
  const auto sealed = [&](unsigned n) {
    esp.bench.receive_ip(kLan,
                         udp("10.1.0.2", 1, "10.12." + std::to_string(n) + ".9", 2, Bytes(20)));
    esp.bench.run_workers();
    return !esp.bench.sent(kWan).empty();
  };
  select(100);
  const Nanoseconds deadline = boottime_now() + 20 * kSecond;
  while (sealed(0) && boottime_now() < deadline) {
    esp.bench.settle();  // until what was the child's before is no more
  }
  for (unsigned n = 0; n < 20; ++n) {
    EXPECT_FALSE(sealed(n)) << n;
    select(n);
    esp.bench.commit();
    EXPECT_TRUE(sealed(n)) << n;
  }
}

// ---------------------------------------------------------------- outer headers

TEST(Esp, ClassOutsideAndInside) {
  EspBench esp;
  const SaPair pair = esp.install(kEsp4);
  const auto outer_class = [&](std::uint8_t inner) {
    esp.bench.receive_ip(kLan, with_class(EspBench::to(kEsp4), inner));
    esp.bench.run();
    return class_of(cut(esp.bench.sent(kWan).at(0), 14));
  };
  EXPECT_EQ(outer_class(0xb9), 0x01);  // DSCP stays inside, ECN does not (RFC 6040, 4.1)
  abi::PeerSet set = esp.peer(kEsp4);
  set.dscp = 10;
  esp.bench.command(set);
  esp.bench.settle();
  EXPECT_EQ(outer_class(0xb9), 10 << 2 | 1);
  set.dscp = abi::kDscpFromInner;
  esp.bench.command(set);
  esp.bench.command(abi::InterfaceSet{.interface = kIpsec,
                                      .listen_port = htons(kNatPort),
                                      .mtu = kIpsecMtu,
                                      .options = abi::kCopyDscp,
                                      .kind = abi::TunnelKind::ipsec});
  esp.bench.settle();
  EXPECT_EQ(outer_class(0xb9), 0xb9);

  // Congestion that was met outside (figure 4).
  const auto inside = [&](std::uint64_t sequence, std::uint8_t inner, std::uint8_t outside) {
    const Bytes sealed =
        esp_seal(pair.in, sequence, with_class(EspBench::from(kEsp4), inner), kIpv4Inside);
    esp.bench.receive_ip(kWan, with_class(EspBench::outer(kEsp4, sealed), outside));
    esp.bench.run();
    return esp.bench.sent(kLan);
  };
  EXPECT_EQ(class_of(cut(inside(1, 2, 3).at(0), 14)), 3);
  EXPECT_EQ(class_of(cut(inside(2, 0xb8, 0).at(0), 14)), 0xb8);
  EXPECT_TRUE(inside(3, 0, 3).empty());
  EXPECT_EQ(esp.bench.drops(Drop::ecn_not_capable), 1U);
}

TEST(Esp, DontFragmentOutside) {
  EspBench esp;
  (void)esp.install(kEsp4);
  const auto flags = [&](abi::DontFragment how, const Bytes& packet) {
    abi::PeerSet set = esp.peer(kEsp4);
    set.dont_fragment = how;
    esp.bench.command(set);
    esp.bench.settle();
    esp.bench.receive_ip(kLan, packet);
    esp.bench.run();
    const Bytes outer = cut(esp.bench.sent(kWan).at(0), 14);
    EXPECT_EQ(internet_sum(cut(outer, 0, 20)), 0);
    return outer[6] & 0xe0;
  };
  const Bytes without = EspBench::to(kEsp4);
  const Bytes with = with_df(without);
  using enum abi::DontFragment;
  EXPECT_EQ(flags(clear, with), 0);
  EXPECT_EQ(flags(set, without), 0x40);
  EXPECT_EQ(flags(copy, without), 0);
  EXPECT_EQ(flags(copy, with), 0x40);
  EXPECT_EQ(flags(copy, EspBench::to(kEsp4, true)), 0x40);
}

// RFC 4301, 7: by option the whole is sealed, and cut outside; the peer puts it together.
TEST(Esp, CutAfterItWasSealed) {
  EspBench esp;
  const SaPair pair = esp.install(kEsp4);
  esp.bench.command(abi::InterfaceSet{.interface = kIpsec,
                                      .listen_port = htons(kNatPort),
                                      .mtu = kIpsecMtu,
                                      .options = abi::kFragmentAfter,
                                      .kind = abi::TunnelKind::ipsec});
  esp.bench.settle();
  const Bytes packet = udp("10.1.0.2", 1, "10.12.0.9", 2, Bytes(1472, 7));
  esp.bench.receive_ip(kLan, packet);
  esp.bench.run();
  const auto pieces = esp.bench.sent(kWan);
  ASSERT_EQ(pieces.size(), 2U);
  Bytes esp_packet;
  for (const Bytes& piece : pieces) {
    EXPECT_EQ((get16(piece, 14 + 6) & 0x1fffU) * 8U, esp_packet.size());
    EXPECT_EQ(piece[14 + 9], 50);
    esp_packet = cat(esp_packet, cut(piece, 14 + 20));
  }
  EXPECT_EQ(esp_packet, esp_seal(pair.out, 1, one_hop_less(packet), kIpv4Inside));

  esp.bench.receive_ip(kLan, with_df(packet));
  esp.bench.receive_ip(kLan, udp("fd01::2", 1, "fd12::9", 2, Bytes(1452)));
  esp.bench.run();
  EXPECT_TRUE(esp.bench.sent(kWan).empty());
  EXPECT_EQ(esp.bench.sent(kLan).size(), 2U) << "these may not be cut anywhere";
  EXPECT_EQ(esp.bench.drops(Drop::too_big), 2U);
}

// What a path has cut is put together before it is opened, in UDP or not, IPv6 too.
TEST(Esp, ArrivesInPieces) {
  EspBench esp;
  std::uint32_t local_id = 0x1001;
  for (const std::uint32_t child : {kEsp4, kEsp6, kUdp4, kUdp6}) {
    const SaPair pair = esp.install(child, {.local_id = local_id++});
    const Bytes inner = EspBench::from(child, false, 900);
    const Bytes whole = EspBench::outer(child, esp_seal(pair.in, 1, inner, kIpv4Inside));
    const auto* begin = reinterpret_cast<const std::byte*>(whole.data());
    const auto pieces = wire::cut({begin, whole.size()}, 600, 77);
    ASSERT_EQ(pieces.size(), 2U);
    for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece) {
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(piece->data());
      esp.bench.receive_ip(kWan, Bytes(bytes, bytes + piece->size()));
    }
    esp.bench.run();
    const auto sent = esp.bench.sent(kLan);
    ASSERT_EQ(sent.size(), 1U) << "child " << child;
    EXPECT_EQ(cut(sent[0], 14), one_hop_less(inner));
  }
  EXPECT_EQ(esp.bench.all_drops(), 0U);
}

}  // namespace
}  // namespace gotthard::packet_test
