// Sessions: who may seal when, rotation, what is refused; peers that move.
#include <gtest/gtest.h>

#include "tests/packet/messages.h"

namespace gotthard::packet_test {
namespace {

TEST(Sessions, ResponderSealsOnlyAfterTheFirstInbound) {
  Bench bench;
  const Keys keys = bench.install(0, kSession0, abi::KeyUse::after_first_inbound);
  bench.receive_ip(kLan, to_peer0());
  bench.run();
  EXPECT_TRUE(bench.sent(kWan).empty());
  EXPECT_EQ(bench.events<abi::NeedHandshake>().size(), 1U);
  bench.receive_sealed(0, seal(keys.receive, kSession0, 0, {}));
  bench.run();
  ASSERT_EQ(bench.events<abi::SessionConfirmed>().size(), 1U);
  const auto sent = bench.sent(kWan);
  ASSERT_EQ(sent.size(), 1U) << "what waited goes on";
  EXPECT_TRUE(open(keys.send, message_in(sent[0], false)));
}

TEST(Sessions, RotateThroughCurrentAndPreviousAndAreErased) {
  Bench bench;
  const Keys first = bench.install(0, kSession0);
  const Keys second = bench.install(0, kSession1);
  bench.receive_sealed(0, seal(first.receive, kSession0, 0, from_peer0()));
  bench.receive_sealed(0, seal(second.receive, kSession1, 0, from_peer0()));
  bench.receive_ip(kLan, to_peer0());
  bench.run();
  EXPECT_EQ(bench.sent(kLan).size(), 2U) << "the previous one still opens";
  const auto sent = bench.sent(kWan);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_TRUE(open(second.send, message_in(sent[0], false)));
  bench.install(0, 0x12340300);
  bench.run();
  const auto erased = bench.events<abi::SessionErased>();
  ASSERT_EQ(erased.size(), 1U);
  EXPECT_EQ(erased[0].local_id, kSession0);
  bench.receive_sealed(0, seal(first.receive, kSession0, 1, from_peer0()));
  bench.run();
  EXPECT_EQ(bench.drops(Drop::wg_unknown_session), 1U);
}

TEST(Sessions, RefusesReusedKeysAndSlots) {
  Bench bench;
  abi::SessionInstall install{.local_id = kSession0,
                              .remote_id = 1,
                              .peer = 0,
                              .window = 1024,
                              .message_limit = 1000,
                              .reject_after_ns = kSecond,
                              .erase_after_ns = kSecond};
  install.send_key[0] = 1;
  install.receive_key[0] = 2;
  bench.command(install);
  install.local_id = kSession1;
  bench.command(install);
  install.local_id = kSession0 + 0x10000;
  install.send_key[0] = 3;
  install.receive_key[0] = 4;
  bench.command(install);
  install.local_id = 0x12340300;
  install.peer = 77;
  bench.command(install);
  bench.settle();
  const auto refused = bench.events<abi::CommandRefused>();
  ASSERT_EQ(refused.size(), 3U);
  EXPECT_EQ(refused[0].reason, abi::Refusal::key_reused);
  EXPECT_EQ(refused[1].reason, abi::Refusal::slot_in_use);
  EXPECT_EQ(refused[2].reason, abi::Refusal::invalid);
  EXPECT_EQ(bench.events<abi::SessionInstalled>().size(), 1U);
}

TEST(Roaming, IsReportedOnlyOnceAuthenticated) {
  Bench bench;
  const Keys keys = bench.install(0, kSession0);
  const auto from = [&](const Bytes& message) {
    bench.receive_ip(kWan, udp("203.0.113.7", 1234, "192.0.2.1", kListenPort, message));
    bench.run();
  };
  Bytes forged = seal(keys.receive, kSession0, 0, from_peer0());
  forged.back() ^= 1;
  from(forged);
  EXPECT_TRUE(bench.events<abi::EndpointMoved>().empty());
  const Bytes good = seal(keys.receive, kSession0, 0, from_peer0());
  from(good);
  from(good);  // a replay says nothing
  const auto moved = bench.events<abi::EndpointMoved>();
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].remote, address("203.0.113.7"));
  EXPECT_EQ(moved[0].remote_port, htons(1234));
  EXPECT_EQ(moved[0].peer, 0U);
}

// Held back on its way and sent from elsewhere once the peer has said more: authentic and no
// replay.
TEST(Roaming, IsBelievedOfTheNewestPacketOnly) {
  Bench bench;
  const Keys keys = bench.install(0, kSession0);
  const Bytes held = seal(keys.receive, kSession0, 3, from_peer0());
  bench.receive_sealed(0, seal(keys.receive, kSession0, 4, from_peer0()));
  bench.run();
  const auto from = [&](const Bytes& message) {
    bench.receive_ip(kWan, udp("203.0.113.7", 1234, "192.0.2.1", kListenPort, message));
    bench.run();
  };
  from(held);
  EXPECT_EQ(bench.sent(kLan).size(), 2U) << "it is the peer's all the same";
  EXPECT_TRUE(bench.events<abi::EndpointMoved>().empty());
  from(seal(keys.receive, kSession0, 5, from_peer0()));
  EXPECT_EQ(bench.events<abi::EndpointMoved>().size(), 1U);
}

}  // namespace
}  // namespace gotthard::packet_test
