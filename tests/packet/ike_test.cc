// IKE between the network and control (RFC 7296, 2.23 and 3.1; RFC 3948, 2.2), and what IKE says of
// the SAs that it has made.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "tests/packet/esp.h"
#include "tests/packet/messages.h"

namespace gotthard::packet_test {
namespace {

constexpr std::size_t kHeader = 28;

// A header without a responder's SPI begins an SA.
Bytes ike(bool marked, bool first, std::size_t size = 300) {
  Bytes message(size, 0x21);
  std::fill_n(message.begin() + 8, 8, static_cast<std::uint8_t>(first ? 0 : 7));
  if (marked) {
    message.insert(message.begin(), 4, 0);
  }
  return message;
}

class Ike : public testing::Test {
 protected:
  Ike() { speak(abi::kSpeaksIke); }

  void speak(std::uint8_t options) {
    esp.bench.command(abi::InterfaceSet{.interface = kIpsec,
                                        .listen_port = htons(kNatPort),
                                        .mtu = kIpsecMtu,
                                        .options = options,
                                        .kind = abi::TunnelKind::ipsec});
    esp.bench.settle();
  }
  void receive(const Bytes& message, std::uint16_t port, bool v6 = false) {
    const char* from = v6 ? "2001:db8::2" : "192.0.2.2";
    esp.bench.receive_ip(kWan, udp(from, 4321, v6 ? "2001:db8::1" : "192.0.2.1", port, message));
  }
  [[nodiscard]] bool punted(const abi::PacketRecord& punt, const Bytes& message) const {
    return punt.length == message.size() &&
           std::memcmp(punt.payload.data(), message.data(), message.size()) == 0;
  }

  EspBench esp;
};

TEST_F(Ike, ComesToControlAsItIs) {
  receive(ike(false, true), abi::kIkePort);
  receive(ike(true, false), kNatPort, true);
  receive(ike(false, false, 1400), abi::kIkePort, true);
  esp.bench.run();
  const auto& punts = esp.bench.punts();
  ASSERT_EQ(punts.size(), 3U);
  EXPECT_TRUE(punted(punts[0], ike(false, true)));
  EXPECT_EQ(punts[0].remote, address("192.0.2.2"));
  EXPECT_EQ(punts[0].local, address("192.0.2.1"));
  EXPECT_EQ(punts[0].remote_port, htons(4321));
  EXPECT_EQ(punts[0].local_port, htons(abi::kIkePort));
  EXPECT_TRUE(punted(punts[1], ike(true, false))) << "with its marker";
  EXPECT_EQ(punts[1].local_port, htons(kNatPort));
  EXPECT_EQ(punts[1].remote, address("2001:db8::2"));
  EXPECT_TRUE(punted(punts[2], ike(false, false, 1400)));
  EXPECT_TRUE(esp.bench.at_twin(kWan).empty());
}

TEST_F(Ike, IsTheHostsWhereControlDoesNotSpeakIt) {
  speak(0);
  receive(ike(false, true), abi::kIkePort);
  receive(ike(true, true), kNatPort);
  esp.bench.run();
  EXPECT_TRUE(esp.bench.punts().empty());
  EXPECT_EQ(esp.bench.at_twin(kWan).size(), 2U);
}

TEST_F(Ike, HasAHeader) {
  receive(Bytes(kHeader - 1), abi::kIkePort);
  receive(Bytes(kHeader + 3), kNatPort);  // four are the marker's
  receive({}, abi::kIkePort);
  esp.bench.run();
  EXPECT_TRUE(esp.bench.punts().empty());
  EXPECT_EQ(esp.bench.drops(Drop::ike_bad_length), 3U);
  receive(Bytes(kHeader), abi::kIkePort);
  receive(Bytes(kHeader + 4), kNatPort);
  esp.bench.run();
  EXPECT_EQ(esp.bench.punts().size(), 2U);
}

TEST_F(Ike, IsPolicedWhatBeginsApartFromWhatGoesOn) {
  for (int i = 0; i < 600; ++i) {
    receive(ike(false, true, 40), abi::kIkePort);
  }
  receive(ike(false, false, 40), abi::kIkePort);
  esp.bench.run();
  const std::uint64_t policed = esp.bench.drops(Drop::ike_policed);
  EXPECT_GE(policed, 400U);
  EXPECT_EQ(policed + esp.bench.punts().size(), 601U);
  EXPECT_TRUE(std::ranges::any_of(esp.bench.punts(), [](const abi::PacketRecord& punt) {
    return punt.payload[8] == std::byte{7};
  })) << "an SA's message is held up by a flood of first ones";
}

TEST_F(Ike, LeavesAsControlSaid) {
  for (const std::uint16_t port : {abi::kIkePort, kNatPort}) {
    abi::PacketRecord record;
    record.interface = kIpsec;
    record.length = 1200;
    record.remote_port = htons(port);
    record.local_port = htons(port);
    record.neighbour = 0;
    record.remote = address("192.0.2.2");
    record.local = address("192.0.2.1");
    record.payload[0] = std::byte{9};
    ASSERT_TRUE(esp.bench.link().inject(record));
    esp.bench.run();
    const auto sent = esp.bench.sent(kWan);
    ASSERT_EQ(sent.size(), 1U);
    ASSERT_EQ(sent[0].size(), 14 + 20 + 8 + 1200U);
    EXPECT_EQ(get16(sent[0], 14 + 20), port);
    EXPECT_EQ(get16(sent[0], 14 + 20 + 2), port);
    EXPECT_EQ(sent[0][14 + 20 + 8], 9);
  }
  speak(0);
  abi::PacketRecord record;
  record.length = 100;
  record.remote_port = record.local_port = htons(abi::kIkePort);
  record.neighbour = 0;
  record.remote = address("192.0.2.2");
  record.local = address("192.0.2.1");
  ASSERT_TRUE(esp.bench.link().inject(record));
  esp.bench.run();
  EXPECT_TRUE(esp.bench.sent(kWan).empty()) << "from a port that is not ours";
}

class IkesSas : public Ike {
 protected:
  void tell(const abi::CommandBody& command) {
    esp.bench.command(command);
    esp.bench.settle();
  }
  // Of what the child seals next.
  Bytes spi() {
    esp.bench.receive_ip(kLan, EspBench::to(kEsp4));
    esp.bench.run();
    const auto sent = esp.bench.sent(kWan);
    return sent.size() == 1 ? cut(EspBench::esp_in(sent[0], kEsp4), 2, 2) : Bytes{};
  }
  std::size_t opened(const SaPair& pair, std::uint32_t number) {
    esp.receive(kEsp4, esp_seal(pair.in, number, EspBench::from(kEsp4), kIpv4Inside));
    esp.bench.run();
    return esp.bench.sent(kLan).size();
  }
};

TEST_F(IkesSas, AreUsedWhenItSaysSo) {
  const SaPair first = esp.install(kEsp4);
  const SaPair next =
      esp.install(kEsp4, {.use = abi::KeyUse::after_first_inbound, .local_id = 0x1002});
  EXPECT_EQ(spi(), (Bytes{0x10, 0x01}));
  tell(abi::SessionUse{.local_id = 0x1002});
  EXPECT_EQ(spi(), (Bytes{0x10, 0x02}));
  EXPECT_EQ(opened(first, 1) + opened(next, 1), 2U);
  tell(abi::SessionUse{.local_id = 0x1002});
  EXPECT_EQ(spi(), (Bytes{0x10, 0x02})) << "said twice";
  tell(abi::SessionUse{.local_id = 0x1001});
  EXPECT_EQ(spi(), (Bytes{0x10, 0x01})) << "of two that crossed, the other one";
  EXPECT_EQ(opened(first, 2) + opened(next, 2), 2U);
  esp.bench.forget_events();
  tell(abi::SessionUse{.local_id = 0x1003});
  EXPECT_EQ(esp.bench.events<abi::CommandRefused>().size(), 1U) << "there is none";
}

TEST_F(IkesSas, OfTwoThatCrossedEitherStays) {
  esp.install(kEsp4);
  const SaPair theirs =
      esp.install(kEsp4, {.use = abi::KeyUse::after_first_inbound, .local_id = 0x1002});
  const SaPair ours = esp.install(kEsp4, {.local_id = 0x1003});
  EXPECT_EQ(spi(), (Bytes{0x10, 0x03}));
  EXPECT_EQ(opened(theirs, 1) + opened(ours, 1), 2U);
  tell(abi::SessionUse{.local_id = 0x1002});
  tell(abi::SessionRemove{.local_id = 0x1003});
  EXPECT_EQ(spi(), (Bytes{0x10, 0x02}));
  EXPECT_EQ(opened(theirs, 2), 1U);
  EXPECT_EQ(opened(ours, 2), 0U);
}

TEST_F(IkesSas, OpenWhatIsOnItsWayWhenTheyAreDone) {
  const SaPair first = esp.install(kEsp4);
  esp.install(kEsp4, {.use = abi::KeyUse::after_first_inbound, .local_id = 0x1002});
  tell(abi::SessionRemove{.local_id = 0x1001, .linger_ns = 300 * kMillisecond});
  EXPECT_EQ(spi(), (Bytes{0x10, 0x02})) << "what is done does not seal";
  EXPECT_EQ(opened(first, 1), 1U);
  const Nanoseconds end = boottime_now() + 2 * kSecond;
  while (esp.bench.events<abi::SessionErased>().empty() && boottime_now() < end) {
    esp.bench.run();
  }
  ASSERT_EQ(esp.bench.events<abi::SessionErased>().size(), 1U);
  EXPECT_EQ(esp.bench.events<abi::SessionErased>()[0].local_id, 0x1001U);
  EXPECT_EQ(opened(first, 2), 0U);
  EXPECT_EQ(spi(), (Bytes{0x10, 0x02}));
}

}  // namespace
}  // namespace gotthard::packet_test
