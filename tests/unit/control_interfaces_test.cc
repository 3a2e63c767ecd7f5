// Changes of two interfaces at once: all of them or none.
#include <gtest/gtest.h>

#include <array>
#include <cerrno>

#include "tests/unit/control_change.h"

namespace gotthard::control {
namespace {

using namespace test;

class TwoInterfaces : public ChangeTest {
 protected:
  TwoInterfaces() {
    config::WireGuard wg1 = a_->config.wireguard[0];
    wg1.name = "wg1";
    wg1.listen_port = 51821;
    wg1.peers.clear();
    a_->config.wireguard.push_back(wg1);
    a_->start_control();
    a_->attach();
  }
  static TunnelChange port(std::uint16_t interface, std::uint16_t number) {
    TunnelChange change{.interface = interface, .change = {}};
    change.change.listen_port = number;
    return change;
  }
};

TEST_F(TwoInterfaces, ListenPortsChangePlaces) {
  std::vector<TunnelChange> swapped;
  swapped.push_back(port(0, 51821));
  swapped.push_back(port(1, 51820));
  ASSERT_TRUE(apply(std::move(swapped)).has_value());
  EXPECT_EQ(a_->control->tunnels->tunnels()[0].settings.listen_port, 51821);
  EXPECT_EQ(a_->control->tunnels->tunnels()[1].settings.listen_port, 51820);
  EXPECT_EQ(a_->peers[peer(2)->number].endpoint.local_port, htons(51821));
  std::vector<TunnelChange> same;
  same.push_back(port(0, 51820));
  EXPECT_EQ(apply(std::move(same)).error().error, EADDRINUSE);
  InterfaceChange wider;  // its source ports reach into the other's
  wider.options = a_->config.wireguard[1];
  wider.options->source_ports = 2;
  EXPECT_EQ(apply(1, std::move(wider)).error().error, EADDRINUSE);
}

// Room for all peers but `left`: the directory is full of a stranger's.
TEST_F(TwoInterfaces, PeersAreCountedTogetherAndAllOrNoneAdded) {
  const auto fill = [&](std::uint32_t left) {
    for (std::uint32_t n = 0; n < abi::kMaxPeers; ++n) {
      a_->manager->directory->peer[n].used = n < left ? 0U : 1U;
    }
  };
  const auto both = [&] {
    std::vector<TunnelChange> changes(2);
    for (std::uint16_t i = 0; i < 2; ++i) {
      changes[i].interface = i;
      changes[i].change.listen_port = static_cast<std::uint16_t>(4000 + i);
      changes[i].change.peers.push_back(about(static_cast<std::uint8_t>(20 + i)));
    }
    return changes;
  };
  fill(2);  // of which one is the first interface's peer's
  ASSERT_EQ(peer(2)->number, 0U);
  EXPECT_EQ(apply(both()).error().error, ENOSPC);
  EXPECT_EQ(peer(20), nullptr);
  EXPECT_EQ(a_->control->tunnels->tunnels()[0].settings.listen_port, 51820);
  fill(3);
  ASSERT_TRUE(apply(both()).has_value());
  EXPECT_NE(peer(20), nullptr);
  EXPECT_NE(peer(21), nullptr);
}

config::Prefix numbered(std::size_t n) {
  return {
      {abi::Family::ipv4, {11, static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n)}},
      24};
}

// The first interface's peer has one prefix of a hundred that there is room for.
TEST_F(TwoInterfaces, AllowedIpsThatThereIsNoRoomForAreRefused) {
  a_->config.dataplane.routes = 100;
  a_->start_control();
  a_->attach();
  const auto claim = [&](std::uint8_t of, std::size_t first, std::size_t count) {
    PeerChange change = about(of);
    for (std::size_t n = first; n < first + count; ++n) {
      change.allowed_ips.push_back(numbered(n));
    }
    return change;
  };
  EXPECT_EQ(apply(claim(20, 0, 100)).error().error, ENOSPC);
  EXPECT_EQ(peer(20), nullptr) << "all or nothing";
  ASSERT_TRUE(apply(claim(20, 0, 99)).has_value());
  EXPECT_EQ(apply(claim(21, 99, 1)).error().error, ENOSPC);
  // From one peer to another, and to another interface's too, takes no room.
  ASSERT_TRUE(apply(claim(21, 0, 50)).has_value());
  EXPECT_EQ(a_->control->tunnels->allowed_ips(peer(20)->number).size(), 49U);
  InterfaceChange other;
  other.peers.push_back(claim(22, 0, 99));
  ASSERT_TRUE(apply(1, std::move(other)).has_value());
  // What goes makes room, in the same change.
  PeerChange gone = about(21);
  gone.remove = true;
  InterfaceChange swap;
  swap.peers.push_back(std::move(gone));
  swap.peers.push_back(claim(20, 100, 1));
  EXPECT_EQ(apply(std::move(swap)).error().error, ENOSPC) << "wg1 has them still";
  PeerChange replaced = claim(20, 200, 49);
  replaced.replace_allowed_ips = true;
  PeerChange fewer = claim(22, 0, 50);
  fewer.replace_allowed_ips = true;
  std::vector<TunnelChange> both(2);
  both[0].interface = 0;
  both[0].change.peers.push_back(std::move(replaced));
  both[1].interface = 1;
  both[1].change.peers.push_back(std::move(fewer));
  EXPECT_TRUE(apply(std::move(both)).has_value());
}

}  // namespace
}  // namespace gotthard::control
