// Changes to running interfaces, seen from the data plane.
#include <gtest/gtest.h>

#include <array>
#include <cerrno>

#include "tests/unit/control_change.h"

namespace gotthard::control {
namespace {

using namespace test;
using noise::Outcome;

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

TEST_F(ChangeTest, AMarkHasItsOwnRoutes) {
  route::FibBuilder* fib = &a_->control->fib;
  route::PolicyRule rule;
  rule.mark = 5;
  rule.mask = UINT32_MAX;
  rule.table = 100;
  route::KernelRoute by_4;
  by_4.table = rule.table;
  by_4.destination = {{abi::Family::ipv4, {}}, 0};
  by_4.hops = {{.link = 3, .gateway = host(4)}};
  fib->apply(rule);
  fib->apply(route::RouteAdded{by_4});
  fib->apply(route::TableKnown{abi::Family::ipv4, rule.table});
  const std::uint32_t number = peer(2)->number;
  const auto next_hop = [&] { return a_->peers[number].endpoint.neighbour; };
  a_->turn();
  const std::uint32_t before = next_hop();
  InterfaceChange change;
  change.fwmark = 5;
  ASSERT_TRUE(apply(std::move(change)).has_value());
  EXPECT_EQ(fib->marks(), std::set<std::uint32_t>{5});
  EXPECT_NE(next_hop(), before);
  InterfaceChange other;  // of something else
  other.listen_port = 777;
  ASSERT_TRUE(apply(std::move(other)).has_value());
  EXPECT_NE(next_hop(), before);
  InterfaceChange none;
  none.fwmark = 0;
  ASSERT_TRUE(apply(std::move(none)).has_value());
  EXPECT_EQ(next_hop(), before);
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
