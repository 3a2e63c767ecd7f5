// The manager's side of sessions by itself, with the test's own time.
#include "dataplane/manager/session_store.h"

#include <gtest/gtest.h>

#include "crypto/random.h"
#include "crypto/secret.h"

namespace gotthard::packet_test {
namespace {

using namespace dataplane;

constexpr std::uint64_t kTscHz = 1'000'000'000;
constexpr Nanoseconds kReject = 180 * kSecond, kErase = 540 * kSecond;

class Store : public testing::Test {
 protected:
  void SetUp() override { rcu->online(0); }
  // What waits names the store.
  void TearDown() override { quiet(); }

  std::optional<abi::Refusal> install(std::uint32_t peer, std::uint32_t local_id, abi::KeyUse use,
                                      Nanoseconds now, std::uint64_t now_tsc) {
    abi::SessionInstall command{.local_id = local_id,
                                .remote_id = local_id + 1,
                                .peer = peer,
                                .use = use,
                                .window = 1024,
                                .message_limit = 1ULL << 60,
                                .reject_after_ns = kReject,
                                .erase_after_ns = kErase};
    crypto::random_bytes(std::as_writable_bytes(std::span(command.send_key)));
    crypto::random_bytes(std::as_writable_bytes(std::span(command.receive_key)));
    return store.install(command, 0, now, now_tsc);
  }
  void quiet() {
    rcu->quiescent(0);
    retired.poll();
  }
  Session* live(std::uint32_t id) { return shared->sessions.find(id); }
  template <typename Event>
  std::size_t told() const {
    return static_cast<std::size_t>(std::count_if(
        events.begin(), events.end(),
        [](const abi::EventBody& event) { return std::holds_alternative<Event>(event); }));
  }

  std::unique_ptr<Shared> shared = std::make_unique<Shared>();
  std::unique_ptr<Rcu> rcu = Rcu::create(1).value();
  RetireList retired{rcu.get()};
  KeyRegistry keys{crypto::Blake2sMac::create().value(), crypto::Secret<32>()};
  crypto::AeadEngine aead = crypto::AeadEngine::create(crypto::Backend::portable).value();
  std::vector<abi::EventBody> events;
  SessionStore store{
      shared.get(), &retired, &keys, &aead, kTscHz, 0, [this](const abi::EventBody& event) {
        events.push_back(event);
      }};
};

TEST_F(Store, ASessionIsOverByBootTimeThoughTheTscStoodStill) {
  ASSERT_FALSE(install(0, 0x10001, abi::KeyUse::now, kSecond, 1000));
  Session* session = shared->peers[0].sealing_session();
  ASSERT_EQ(session, live(0x10001));
  store.tick(kSecond + kReject - 1);
  EXPECT_TRUE(session->seals(1001));
  EXPECT_FALSE(session->too_old(1001));
  store.tick(kSecond + kReject);
  EXPECT_FALSE(session->seals(1001));
  EXPECT_TRUE(session->too_old(1001)) << "nor is anything opened";
  store.tick(kSecond + kErase - 1);
  EXPECT_NE(live(0x10001), nullptr);
  store.tick(kSecond + kErase);
  EXPECT_EQ(live(0x10001), nullptr);
  EXPECT_EQ(told<abi::SessionErased>(), 0U) << "a worker may still be using it";
  quiet();
  EXPECT_EQ(told<abi::SessionErased>(), 1U);
}

TEST_F(Store, AndByTheTscThoughTheManagerDoesNotLook) {
  ASSERT_FALSE(install(0, 0x10001, abi::KeyUse::now, kSecond, 1000));
  EXPECT_TRUE(live(0x10001)->seals(1000 + 180 * kTscHz - 1));
  EXPECT_FALSE(live(0x10001)->seals(1000 + 180 * kTscHz));
}

TEST_F(Store, WhoTakesOverAnIdHasItsOwnTime) {
  ASSERT_FALSE(install(0, 0x10001, abi::KeyUse::now, 0, 0));
  store.remove(0x10001);
  quiet();
  ASSERT_FALSE(install(1, 0x10001, abi::KeyUse::now, 100 * kSecond, 0));
  store.tick(kReject);
  EXPECT_TRUE(live(0x10001)->seals(1));
  store.tick(100 * kSecond + kReject);
  EXPECT_FALSE(live(0x10001)->seals(1));
  store.tick(kErase);
  EXPECT_NE(live(0x10001), nullptr);
  store.tick(100 * kSecond + kErase);
  EXPECT_EQ(live(0x10001), nullptr);
}

TEST_F(Store, ConfirmationsAreFoundAmongManyThatWait) {
  constexpr std::uint32_t kPeers = 1000;
  for (std::uint32_t peer = 0; peer < kPeers; ++peer) {
    ASSERT_FALSE(install(peer, 0x10000 + peer, abi::KeyUse::after_first_inbound, 0, 0));
  }
  for (std::uint32_t peer = 3; peer < kPeers; peer += 7) {
    live(0x10000 + peer)->confirmed.store(true);
  }
  for (int i = 0; i < 8; ++i) {
    store.tick(kSecond);
  }
  for (std::uint32_t peer = 0; peer < kPeers; ++peer) {
    EXPECT_EQ(store.keypairs(peer).current != 0, peer % 7 == 3) << peer;
  }
  EXPECT_EQ(told<abi::SessionConfirmed>(), 143U);
}

}  // namespace
}  // namespace gotthard::packet_test
