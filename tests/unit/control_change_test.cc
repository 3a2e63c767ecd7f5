// Changes to running interfaces, seen from the data plane.
#include <gtest/gtest.h>

#include <array>
#include <cerrno>

#include "tests/unit/control_sides.h"

namespace gotthard::control {
namespace {

using namespace test;
using noise::Outcome;

class ChangeTest : public TunnelsTest {
 protected:
  tl::expected<void, ChangeRefused> apply(InterfaceChange change) {
    return apply(0, std::move(change));
  }
  tl::expected<void, ChangeRefused> apply(std::uint16_t interface, InterfaceChange change) {
    std::vector<TunnelChange> changes;
    changes.push_back({interface, std::move(change)});
    return apply(std::move(changes));
  }
  tl::expected<void, ChangeRefused> apply(std::vector<TunnelChange> changes) {
    auto applied = a_->control->tunnels->apply(std::move(changes));
    a_->turn();
    return applied;
  }
  tl::expected<void, ChangeRefused> apply(PeerChange peer) {
    InterfaceChange change;
    change.peers.push_back(std::move(peer));
    return apply(std::move(change));
  }
  static PeerChange about(std::uint8_t n) {
    PeerChange peer;
    peer.public_key = crypto::public_key(private_key(n));
    return peer;
  }
  [[nodiscard]] const TunnelPeer* peer(std::uint8_t n) const {
    for (const auto& [number, peer] : a_->control->tunnels->peers()) {
      if (peer.settings.public_key == crypto::public_key(private_key(n))) {
        return &peer;
      }
    }
    return nullptr;
  }
};

TEST_F(ChangeTest, APeerThatIsAddedHasAllItWasGiven) {
  PeerChange added = about(3);
  added.endpoint = config::Endpoint{"192.0.2.3", 7, host(3)};
  added.allowed_ips = {{{abi::Family::ipv4, {10, 3, 0, 0}}, 16}};
  added.persistent_keepalive = 25;
  ASSERT_TRUE(apply(std::move(added)).has_value());
  ASSERT_NE(peer(3), nullptr);
  const std::uint32_t number = peer(3)->number;
  EXPECT_NE(number, peer(2)->number);
  ASSERT_TRUE(a_->peers.contains(number)) << "the data plane knows it";
  EXPECT_EQ(a_->peers[number].endpoint.remote, host(3));
  EXPECT_EQ(a_->peers[number].endpoint.remote_port, htons(7));
  EXPECT_EQ(a_->control->tunnels->allowed_ips(number).size(), 1U);
  EXPECT_EQ(peer(3)->settings.name,
            config::key_to_string(peer(3)->settings.public_key).substr(0, 10));
}

TEST_F(ChangeTest, WhatIsNotNamedStaysAndSessionsLive) {
  handshake();
  PeerChange change = about(2);
  change.preshared_key = crypto::Secret<32>();
  change.preshared_key->bytes()[0] = std::byte{1};
  change.persistent_keepalive = 17;
  ASSERT_TRUE(apply(std::move(change)).has_value());
  EXPECT_EQ(peer(2)->settings.name, "gw2");
  EXPECT_EQ(peer(2)->settings.persistent_keepalive, 17);
  EXPECT_FALSE(peer(2)->preshared_key.is_zero());
  EXPECT_EQ(a_->control->tunnels->allowed_ips(peer(2)->number).size(), 1U);
  EXPECT_TRUE(a_->removed.empty());

  InterfaceChange replaced;  // as by `wg setconf`
  replaced.replace_peers = true;
  replaced.peers.push_back(about(2));
  ASSERT_TRUE(apply(std::move(replaced)).has_value());
  EXPECT_TRUE(peer(2)->preshared_key.is_zero()) << "it has only what it was given now";
  EXPECT_TRUE(a_->control->tunnels->allowed_ips(peer(2)->number).empty());
  EXPECT_TRUE(a_->removed.empty());
}

TEST_F(ChangeTest, APrefixIsTheLastClaimants) {
  PeerChange claimant = about(3);
  claimant.allowed_ips = {{{abi::Family::ipv4, {10, 2, 0, 0}}, 16}};
  ASSERT_TRUE(apply(std::move(claimant)).has_value());
  EXPECT_TRUE(a_->control->tunnels->allowed_ips(peer(2)->number).empty());
  PeerChange less = about(3);
  less.removed_allowed_ips = {{{abi::Family::ipv4, {10, 2, 0, 0}}, 16}};
  ASSERT_TRUE(apply(std::move(less)).has_value());
  EXPECT_TRUE(a_->control->tunnels->allowed_ips(peer(3)->number).empty());
}

TEST_F(ChangeTest, ARemovedPeersNumberIsNotGivenAwayWhileItLives) {
  handshake();
  const std::uint32_t number = peer(2)->number;
  const std::uint32_t session = a_->installed.begin()->first;
  PeerChange removed = about(2);
  removed.remove = true;
  ASSERT_TRUE(apply(std::move(removed)).has_value());
  EXPECT_EQ(peer(2), nullptr);
  EXPECT_EQ(a_->removed, std::vector<std::uint32_t>{session});
  for (std::uint8_t n = 10; n < 40; ++n) {
    ASSERT_TRUE(apply(about(n)).has_value());
    EXPECT_NE(peer(n)->number, number) << "the directory still shows the old one";
  }
}

TEST_F(ChangeTest, AnotherNameCountsAlsoWhileThePeerAnswersWhereItIs) {
  handshake();
  PeerChange change = about(2);
  change.endpoint = config::Endpoint{"old.example", 51820, {}};
  ASSERT_TRUE(apply(std::move(change)).has_value());
  change = about(2);
  change.endpoint = config::Endpoint{"new.example", 51820, {}};
  ASSERT_TRUE(apply(std::move(change)).has_value());
  EXPECT_EQ(a_->control->names_asked, (std::vector<std::string>{"old.example", "new.example"}))
      << "at once, though the other has not been answered";
  Tunnels& tunnels = *a_->control->tunnels;
  const std::uint32_t number = peer(2)->number;
  tunnels.on_name_resolved(number, "old.example", std::array{host(4)});
  EXPECT_EQ(peer(2)->endpoint->address, host(2)) << "an answer to another question";
  tunnels.on_name_resolved(number, "new.example", {});
  a_->start_control();  // it has not been found yet: whoever comes after asks too
  a_->config.wireguard[0].peers[0].endpoint = config::Endpoint{"new.example", 51820, {}};
  a_->start_control();
  a_->attach();
  EXPECT_EQ(a_->control->names_asked, std::vector<std::string>{"new.example"});
  a_->control->tunnels->on_name_resolved(number, "new.example", std::array{host(4), host(3)});
  a_->turn();
  EXPECT_EQ(a_->peers[number].endpoint.remote, host(4));
  EXPECT_TRUE(a_->removed.empty()) << "the session goes on there";

  change = about(2);
  change.endpoint = config::Endpoint{"new.example", 7, {}};
  ASSERT_TRUE(apply(std::move(change)).has_value());
  a_->control->tunnels->on_name_resolved(number, "new.example", std::array{host(3), host(4)});
  a_->turn();
  EXPECT_EQ(a_->peers[number].endpoint.remote, host(4)) << "its address is one of the name's";
  EXPECT_EQ(a_->peers[number].endpoint.remote_port, htons(7));
}

TEST_F(ChangeTest, AnEndpointThatIsTakenAwayIsForgotten) {
  PeerChange change = about(2);
  change.take_endpoint = true;
  a_->want_handshake();
  ASSERT_EQ(a_->sent().size(), 1U);
  ASSERT_TRUE(apply(std::move(change)).has_value());
  EXPECT_FALSE(peer(2)->settings.endpoint.has_value());
  EXPECT_FALSE(peer(2)->endpoint.has_value()) << "it was never heard there";
  EXPECT_EQ(a_->peers[peer(2)->number].endpoint.remote.family, abi::Family::none);
  a_->control->tunnels->on_tick();
  a_->want_handshake();
  EXPECT_TRUE(a_->sent().empty());
}

TEST_F(ChangeTest, AnEndpointThatIsTakenAwayIsKeptWhereThePeerAnswers) {
  handshake();
  PeerChange change = about(2);
  change.take_endpoint = true;
  ASSERT_TRUE(apply(std::move(change)).has_value());
  EXPECT_FALSE(peer(2)->settings.endpoint.has_value());
  EXPECT_EQ(peer(2)->endpoint->address, host(2)) << "the session goes on";
}

TEST_F(ChangeTest, APeerThatComesBackIsNotWhereItWas) {
  a_->manager->tell(abi::EndpointMoved{.peer = peer(2)->number,
                                       .local_id = 0x10100,
                                       .remote = host(4),
                                       .local = host(1),
                                       .remote_port = htons(999)});
  a_->turn();
  PeerChange removed = about(2);
  removed.remove = true;
  ASSERT_TRUE(apply(std::move(removed)).has_value());
  ASSERT_TRUE(apply(about(2)).has_value());
  EXPECT_FALSE(peer(2)->endpoint.has_value());
  EXPECT_EQ(a_->peers[peer(2)->number].endpoint.remote.family, abi::Family::none);
}

// More peers than there is room for come and go; the initiation that one of them was answered for
// is as old as ever when it comes back.
TEST_F(ChangeTest, ChurnTakesNoRoomAndMakesNoInitiationNewAgain) {
  handshake();
  const abi::PacketRecord recorded = initiation_;
  const auto apply = [&](PeerChange peer) {
    std::vector<TunnelChange> changes(1);
    changes[0].change.peers.push_back(std::move(peer));
    ASSERT_TRUE(b_->control->tunnels->apply(std::move(changes)).has_value());
  };
  PeerChange removed = about(1);
  removed.remove = true;
  apply(std::move(removed));
  const std::size_t room = checkpoint::Checkpoint(b_->memory).capacity();
  ASSERT_LT(room, 300U);
  for (std::size_t i = 0; i < 2 * room; ++i) {
    for (const bool leaves : {false, true}) {
      PeerChange passing = about(9);
      passing.public_key[0] = static_cast<std::uint8_t>(i);
      passing.public_key[1] = static_cast<std::uint8_t>(i >> 8);
      passing.endpoint = config::Endpoint{"192.0.2.3", 7, host(3)};
      passing.remove = leaves;
      apply(std::move(passing));
    }
    b_->turn();
  }
  EXPECT_EQ(b_->control->checkpoint.size(), room);
  apply(about(1));
  b_->turn();
  b_->receive(recorded);
  EXPECT_EQ(b_->control->count(Outcome::initiation_replayed), 1U);
  EXPECT_TRUE(b_->waiting.empty());
}

TEST_F(ChangeTest, AnotherPrivateKeyIsAnotherIdentity) {
  handshake();
  const auto before = a_->control->tunnels->tunnels()[0].device.mac1_key();
  InterfaceChange change;
  change.private_key = private_key(9);
  change.peers.push_back(about(9));  // our own: no peer, and no error
  ASSERT_TRUE(apply(std::move(change)).has_value());
  EXPECT_EQ(a_->removed, std::vector<std::uint32_t>{a_->installed.begin()->first});
  EXPECT_NE(a_->control->tunnels->tunnels()[0].device.mac1_key(), before);
  EXPECT_EQ(peer(9), nullptr);
  const auto record = checkpoint::Checkpoint(a_->memory).find(peer(2)->record_key);
  ASSERT_TRUE(record.has_value()) << "timestamps are kept under the new identity";
  EXPECT_EQ(record->last_sent, peer(2)->record.last_sent);
  a_->control->tunnels->on_tick();
  EXPECT_EQ(a_->sent().size(), 1U) << "at once: traffic waits";
}

TEST_F(ChangeTest, WithoutAPrivateKeyThereAreNoHandshakes) {
  InterfaceChange change;
  change.private_key = crypto::Secret<32>();
  ASSERT_TRUE(apply(std::move(change)).has_value());
  a_->want_handshake();
  EXPECT_TRUE(a_->sent().empty());
  EXPECT_EQ(a_->control->tunnels->view(0).private_key, nullptr);
}

TEST_F(ChangeTest, ARefusedChangeChangesNothing) {
  InterfaceChange change;
  change.listen_port = 1234;
  change.peers.push_back(about(3));
  change.peers.push_back({});  // a key of zeros is no point that a secret could come of
  const auto refused = apply(std::move(change));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().error, EINVAL);
  EXPECT_EQ(peer(3), nullptr);
  EXPECT_EQ(a_->control->tunnels->tunnels()[0].settings.listen_port, 51820);
}

TEST_F(ChangeTest, SourcePortsStayWithinThePortsThatThereAre) {
  a_->config.wireguard[0].source_ports = 16;
  a_->start_control();
  a_->attach();
  InterfaceChange beyond;
  beyond.listen_port = 65521;
  EXPECT_EQ(apply(std::move(beyond)).error().error, EINVAL);
  InterfaceChange last;
  last.listen_port = 65520;
  EXPECT_TRUE(apply(std::move(last)).has_value());
}

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

TEST_F(ChangeTest, BeforeTheFirstAttachmentItIsTooEarly) {
  a_->start_control();
  EXPECT_EQ(a_->control->tunnels->apply(std::vector<TunnelChange>(1)).error().error, EAGAIN);
}

TEST_F(ChangeTest, UpdateOnlyAddsNobody) {
  PeerChange change = about(3);
  change.update_only = true;
  ASSERT_TRUE(apply(std::move(change)).has_value());
  EXPECT_EQ(peer(3), nullptr);
}

TEST_F(ChangeTest, AListenPortOfZeroIsAFreeOne) {
  InterfaceChange change;
  change.listen_port = 0;
  ASSERT_TRUE(apply(std::move(change)).has_value());
  const std::uint16_t port = a_->control->tunnels->tunnels()[0].settings.listen_port;
  EXPECT_GE(port, 32768);
  EXPECT_EQ(a_->peers[peer(2)->number].endpoint.local_port, htons(port))
      << "peers are sent from it";
}

}  // namespace
}  // namespace gotthard::control
