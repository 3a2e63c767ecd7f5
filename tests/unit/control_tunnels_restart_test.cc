// Restarts of either process, and directories that lie.
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <random>
#include <span>
#include <thread>

#include "tests/unit/control_sides.h"

namespace gotthard::control {
namespace {

using namespace test;
using noise::Outcome;

TEST_F(TunnelsTest, ARestartedControlTakesOverAndRefusesTheReplay) {
  handshake();
  const std::uint32_t number = b_->control->peer().number;
  const std::uint32_t id = b_->installed.begin()->first;
  b_->start_control();  // as after kill -9: only checkpoint and directory are left
  const auto resynced = b_->attach();
  EXPECT_EQ(resynced.adopted, 1U);
  EXPECT_EQ(resynced.removed, 0U);
  EXPECT_TRUE(b_->removed.empty());
  EXPECT_EQ(b_->control->peer().number, number);
  EXPECT_TRUE(b_->control->sessions.in_use(id)) << "its slot is not given away";
  EXPECT_EQ(b_->control->peer().endpoint, (noise::Endpoint{host(1), htons(51820)}));

  b_->receive(initiation_);
  EXPECT_EQ(b_->control->count(Outcome::initiation_replayed), 1U);
  EXPECT_TRUE(b_->waiting.empty());
  EXPECT_TRUE(b_->sent().empty());
}

TEST_F(TunnelsTest, ARestartedInitiatorIsBelievedAgain) {
  handshake();
  a_->start_control();
  a_->attach();
  a_->control->tunnels->rekey(a_->control->peer().number);
  a_->turn();
  std::this_thread::sleep_for(std::chrono::milliseconds(25));
  b_->receive(a_->sent().at(0));
  EXPECT_EQ(b_->control->count(Outcome::initiation_replayed), 0U);
  EXPECT_EQ(b_->waiting.size(), 1U) << "its timestamp is later than the one before the restart";
}

TEST_F(TunnelsTest, ADyingControlLeavesInstallsThatNobodyAskedFor) {
  handshake();
  // A session of the data plane whose peer is not configured any more, under a peer's number that
  // ours may not get; and one whose slot is being retired.
  const std::uint32_t ours = b_->control->peer().number;
  abi::PeerSet stranger = b_->peers.at(ours);
  stranger.peer = 0;
  stranger.public_key.fill(0x77);
  abi::PeerSet known = b_->peers.at(ours);
  known.peer = 5;
  b_->peers = {{0U, stranger}, {5U, known}};
  abi::SessionInstall foreign = b_->installed.begin()->second;
  foreign.local_id ^= 0x55;
  foreign.peer = 0;
  for (auto& [id, install] : b_->installed) {
    install.peer = 5;
  }
  b_->installed[foreign.local_id] = foreign;
  b_->start_control();
  const auto resynced = b_->attach();
  EXPECT_EQ(b_->control->peer().number, 5U) << "known by its key";
  EXPECT_EQ(resynced.adopted, 1U);
  EXPECT_EQ(resynced.removed, 1U);
  EXPECT_EQ(b_->removed, std::vector<std::uint32_t>{foreign.local_id});
  EXPECT_TRUE(b_->control->sessions.in_use(foreign.local_id)) << "until it is erased";
}

TEST_F(TunnelsTest, ANumberThatLivesIsNotGivenToAnotherPeer) {
  abi::PeerSet stranger = b_->peers.begin()->second;
  stranger.peer = 0;
  stranger.public_key.fill(0x77);
  b_->peers = {{0U, stranger}};
  abi::SessionInstall foreign{.local_id = 0x12345, .peer = 0};
  b_->installed[foreign.local_id] = foreign;
  b_->start_control();
  const auto resynced = b_->attach();
  EXPECT_EQ(b_->control->peer().number, 1U);
  EXPECT_EQ(resynced.adopted, 0U);
  EXPECT_EQ(b_->removed, std::vector<std::uint32_t>{foreign.local_id});
}

TEST_F(TunnelsTest, AHandshakeInFlightEndsWithTheDataPlane) {
  a_->want_handshake();
  const auto initiation = a_->sent().at(0);
  b_->receive(initiation);
  b_->answer();
  const auto response = b_->sent().at(0);
  ++a_->epoch;
  a_->control->link.detach();
  a_->control->fib.detach();
  EXPECT_EQ(a_->attach(/*instance=*/2).adopted, 0U);
  a_->receive(response);
  EXPECT_TRUE(a_->waiting.empty()) << "its id is free: another session may have it";
  EXPECT_EQ(a_->control->count(Outcome::response_unexpected), 1U);
}

TEST_F(TunnelsTest, SessionsDieWithTheirDataPlane) {
  handshake();
  const std::uint32_t id = a_->installed.begin()->first;
  ++a_->epoch;
  a_->control->link.detach();
  a_->control->fib.detach();
  a_->attach(/*instance=*/2);
  EXPECT_FALSE(a_->control->sessions.in_use(id));
  EXPECT_FALSE(a_->control->tunnels->tunnels()[0].device.has_session(id));
}

TEST_F(TunnelsTest, AnInterfaceThatIsSetDownForgetsItsSessions) {
  handshake();
  const std::uint32_t id = a_->installed.begin()->first;
  a_->control->fib.apply(route::Link{5, "wg0", false, 1420});
  a_->turn();
  EXPECT_EQ(a_->removed, std::vector<std::uint32_t>{id});
  EXPECT_FALSE(a_->control->tunnels->rekey(a_->control->peer().number));
  a_->want_handshake();
  a_->control->tunnels->on_tick();
  a_->turn();
  EXPECT_TRUE(a_->sent().empty());
  a_->control->fib.apply(route::Link{5, "wg0", true, 1420});
  a_->turn();
  a_->want_handshake();
  EXPECT_EQ(a_->sent().size(), 1U);
}

TEST_F(TunnelsTest, OfAnInterfaceThatWasSetDownMeanwhileNothingIsTakenOver) {
  handshake();
  const std::uint32_t id = a_->installed.begin()->first;
  a_->start_control();
  a_->control->fib.apply(route::Link{5, "wg0", false, 1420});
  EXPECT_EQ(a_->attach().adopted, 0U);
  EXPECT_EQ(a_->removed, std::vector<std::uint32_t>{id});
  a_->want_handshake();
  EXPECT_TRUE(a_->sent().empty());
}

// The directory is another process's word: whatever it holds, control comes up, and takes over only
// sessions of the peer whose key stands there.
TEST_F(TunnelsTest, AnyDirectoryIsReadWithoutHarm) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 5; ++round) {
    Side side(1, 2);
    FakeManager manager(1, 1);
    auto bytes = std::as_writable_bytes(std::span(manager.directory->session));
    auto peers = std::as_writable_bytes(std::span(manager.directory->peer));
    for (const std::span<std::byte> area :
         {std::span<std::byte>(bytes), std::span<std::byte>(peers)}) {
      for (std::size_t i = 0; i + 8 <= area.size(); i += 8) {
        const std::uint64_t value = random();
        std::memcpy(&area[i], &value, sizeof(value));
      }
    }
    for (std::size_t i = 0; i < abi::kMaxSessions && round > 0; ++i) {
      abi::SessionEntry& entry = manager.directory->session[i];
      entry.state = static_cast<std::uint32_t>(random() % 4);
      entry.peer = static_cast<std::uint32_t>(random() % 3);
      entry.local_id = static_cast<std::uint32_t>(random() << 16 | i);
    }
    for (abi::PeerEntry& entry : manager.directory->peer) {
      entry.used = static_cast<std::uint32_t>(random() % 2);
      if (round > 0) {
        entry.interface = 0;
      }
    }
    const auto resynced = side.control->attach(&manager);
    EXPECT_EQ(resynced.adopted, 0U);
    side.control->tunnels->on_tick();
    side.control->turn();
  }
}

}  // namespace
}  // namespace gotthard::control
