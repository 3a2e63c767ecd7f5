// Routers on the way say what their next link takes: believed when they quote what was sent lately.
#include "dataplane/manager/path_mtu.h"

#include <gtest/gtest.h>

#include "crypto/random.h"
#include "tests/packet/esp.h"
#include "tests/packet/messages.h"

namespace gotthard::packet_test {
namespace {

constexpr const char* kRouter4 = "198.51.100.1";
constexpr const char* kRouter6 = "2001:db8:ffff::1";

// About a sealed packet that left; `quoted` bytes of it.
Bytes too_big(const Bytes& sealed, std::uint32_t mtu, std::size_t quoted = 48) {
  const bool v6 = sealed[0] >> 4 == 6;
  Bytes message{static_cast<std::uint8_t>(v6 ? 2 : 3),
                static_cast<std::uint8_t>(v6 ? 0 : 4),
                0,
                0,
                0,
                0,
                0,
                0};
  put16(&message, 4, static_cast<std::uint16_t>(mtu >> 16));
  put16(&message, 6, static_cast<std::uint16_t>(mtu));
  message = cat(message, cut(sealed, 0, quoted + (v6 ? 40 : 20)));
  Bytes covered = message;
  if (v6) {
    Bytes pseudo = cat(raw(address(kRouter6)), raw(address("2001:db8::1")));
    pseudo = cat(pseudo, {0, 0, 0, static_cast<std::uint8_t>(message.size()), 0, 0, 0, 58});
    covered = cat(pseudo, message);
  }
  put16(&message, 2, internet_sum(covered));
  return v6 ? ip(kRouter6, "2001:db8::1", 58, message) : ip(kRouter4, "192.0.2.1", 1, message);
}

void hear(Bench* bench, const Bytes& packet) {
  bench->receive_ip(kWan, packet);
  bench->run();
  EXPECT_EQ(bench->at_twin(kWan).size(), 1U) << "it is the host's too";
}

// What an IPv4 sender in the LAN is told that fits, when it sends as much as the interface takes.
std::optional<std::uint16_t> told(Bench* bench, const std::string& to, std::size_t mtu) {
  bench->receive_ip(kLan, with_df(udp("10.1.0.2", 1, to, 2, Bytes(mtu - 28))));
  bench->run();
  (void)bench->sent(kWan);
  const auto answers = bench->sent(kLan);
  if (answers.empty()) {
    return std::nullopt;
  }
  EXPECT_EQ(answers[0].at(14 + 20), 3);
  EXPECT_EQ(answers[0].at(14 + 21), 4);
  return get16(answers[0], 14 + 20 + 6);
}

Bytes one_sealed(Bench* bench, const Bytes& packet) {
  bench->receive_ip(kLan, packet);
  bench->run();
  return cut(bench->sent(kWan).at(0), 14);
}

class EspPath : public testing::TestWithParam<Child> {};

TEST_P(EspPath, IsToldToInnerSenders) {
  const Child child = GetParam();
  EspBench esp;
  (void)esp.install(child);
  const std::string to = "10." + std::to_string(10 + child) + ".0.9";
  const Bytes sealed = one_sealed(&esp.bench, EspBench::to(child));
  ASSERT_FALSE(told(&esp.bench, to, kIpsecMtu)) << "as long as nobody says so";
  hear(&esp.bench, too_big(sealed, 1380));
  const int outside = (is_v6(child) ? 40 : 20) + (in_udp(child) ? 8 : 0) + 8 + 8 + 16;
  const auto fits = static_cast<std::uint16_t>((1380 - outside) / 4 * 4 - 2);
  EXPECT_EQ(told(&esp.bench, to, kIpsecMtu), fits);
  EXPECT_FALSE(told(&esp.bench, to, fits));
  EXPECT_EQ(esp.bench.drops(Drop::too_big), 1U);
  // What fits inside fits outside.
  const Bytes largest =
      one_sealed(&esp.bench, with_df(udp("10.1.0.2", 1, to, 2, Bytes(fits - 28U))));
  EXPECT_LE(largest.size(), 1380U);
  EXPECT_GT(largest.size(), 1376U);
}
INSTANTIATE_TEST_SUITE_P(Children, EspPath, testing::Values(kEsp4, kEsp6, kUdp4, kUdp6));

TEST(PathMtu, OfWireGuard) {
  Bench bench;
  (void)bench.install(0, kSession0);
  const Bytes sealed = one_sealed(&bench, to_peer0());
  hear(&bench, too_big(sealed, 1400));
  EXPECT_EQ(told(&bench, "10.2.0.9", kTunnelMtu), 1340);
  EXPECT_FALSE(told(&bench, "10.2.0.9", 1340));
  hear(&bench, too_big(sealed, 1450));
  EXPECT_EQ(told(&bench, "10.2.0.9", kTunnelMtu), 1340) << "nobody can make it larger";
  EXPECT_EQ(bench.drops(Drop::too_big), 2U);
}

TEST(PathMtu, WhoDidNotSeeThePacketIsNotBelieved) {
  EspBench esp;
  (void)esp.install(kEsp4);
  Bytes sealed;
  for (int i = 0; i < 3; ++i) {
    sealed = one_sealed(&esp.bench, EspBench::to(kEsp4));
  }
  const auto unmoved = [&](const Bytes& notice) {
    hear(&esp.bench, notice);
    return !told(&esp.bench, "10.12.0.9", kIpsecMtu).has_value();
  };
  const auto changed = [&](std::size_t at, std::uint8_t to) {
    Bytes other = sealed;
    other[at] = to;
    return too_big(other, 1300);
  };
  EXPECT_TRUE(unmoved(changed(20, 0x77))) << "SPI";
  EXPECT_TRUE(unmoved(changed(27, 200))) << "a number that was not sent yet";
  EXPECT_TRUE(unmoved(changed(24, 0xff))) << "one of long ago";
  EXPECT_TRUE(unmoved(changed(19, 77))) << "destination";
  EXPECT_TRUE(unmoved(changed(9, 17))) << "protocol";
  EXPECT_TRUE(unmoved(changed(7, 1))) << "a later piece";
  EXPECT_TRUE(unmoved(too_big(sealed, 1300, 7))) << "no whole sequence number";
  EXPECT_TRUE(unmoved(too_big(sealed, 0)));
  Bytes damaged = too_big(sealed, 1300);
  damaged.back() ^= 1;
  EXPECT_TRUE(unmoved(damaged)) << "checksum";
  EXPECT_FALSE(unmoved(too_big(sealed, 1300, 8))) << "as little as a router has to quote";
  EXPECT_EQ(esp.bench.drops(Drop::too_big), 1U);
}

// Less than all must take is not for inner packets: outer ones are cut.
TEST(PathMtu, HasABottom) {
  EspBench esp;
  (void)esp.install(kEsp4);
  (void)esp.install(kEsp6, {.local_id = 0x1002});
  const Bytes sealed4 = one_sealed(&esp.bench, EspBench::to(kEsp4));
  const Bytes sealed6 = one_sealed(&esp.bench, EspBench::to(kEsp6));
  hear(&esp.bench, too_big(sealed6, 1279));
  EXPECT_FALSE(told(&esp.bench, "10.13.0.9", kIpsecMtu));
  hear(&esp.bench, too_big(sealed4, 70));
  EXPECT_EQ(told(&esp.bench, "10.12.0.9", kIpsecMtu), 1280);
  esp.bench.receive_ip(kLan, with_df(udp("10.1.0.2", 1, "10.12.0.9", 2, Bytes(1280 - 28))));
  esp.bench.run();
  const auto pieces = esp.bench.sent(kWan);
  ASSERT_EQ(pieces.size(), 3U);
  for (const Bytes& piece : pieces) {
    EXPECT_LE(piece.size(), 14 + 576U);
  }
  EXPECT_EQ(esp.bench.drops(Drop::too_big), 1U);
}

// With the test's own time.
TEST(PathMtu, IsForgotten) {
  const auto shared = std::make_unique<dataplane::Shared>();
  const auto rcu = dataplane::Rcu::create(1).value();
  dataplane::RetireList retired{rcu.get()};
  dataplane::KeyRegistry keys{crypto::Blake2sMac::create().value(), crypto::Secret<32>()};
  auto aead = crypto::AeadEngine::create(crypto::Backend::portable).value();
  dataplane::SessionStore sessions{
      shared.get(), &retired, &keys, &aead, 1'000'000'000, 0, [](const abi::EventBody&) {}};
  dataplane::PeerStore peers{shared.get(), &retired};
  dataplane::PathMtu path{&sessions, &peers};
  peers.set({.peer = 3,
             .endpoint = {.remote = address("192.0.2.2"),
                          .local = address("192.0.2.1"),
                          .remote_port = htons(51820),
                          .local_port = htons(51820),
                          .neighbour = 0}},
            abi::kAnyWorker);
  abi::SessionInstall install{.local_id = 0x10001,
                              .remote_id = 0x04030201,
                              .peer = 3,
                              .use = abi::KeyUse::now,
                              .window = 1024,
                              .message_limit = 1000,
                              .reject_after_ns = 180 * kSecond,
                              .erase_after_ns = 540 * kSecond};
  crypto::random_bytes(std::as_writable_bytes(std::span(install.send_key)));
  crypto::random_bytes(std::as_writable_bytes(std::span(install.receive_key)));
  ASSERT_FALSE(sessions.install(install, 0, kSecond, 1000));
  shared->peers[3].sealing_session()->next_counter.store(6);
  const auto inner = [&] { return shared->peers[3].outer.load()->inner_mtu; };
  const Bytes data{4, 0, 0, 0, 1, 2, 3, 4, 5, 0, 0, 0, 0, 0, 0, 0};
  const Bytes notice = too_big(udp("192.0.2.1", 51820, "192.0.2.2", 51820, data), 1400);
  const Bytes frame = cat(Bytes(14), notice);
  path.hear(std::as_bytes(std::span(frame)), kSecond);
  EXPECT_EQ(inner(), 1340);
  path.tick(kSecond + dataplane::PathMtu::kLifetime - 1);
  EXPECT_EQ(inner(), 1340);
  path.tick(kSecond + dataplane::PathMtu::kLifetime);
  EXPECT_EQ(inner(), UINT16_MAX);
  rcu->online(0);
  rcu->quiescent(0);
  retired.poll();
}

}  // namespace
}  // namespace gotthard::packet_test
