// Control's WireGuard side as a whole, over real rings: two gateways whose data planes are the
// test's own, restarts of either process, and directories that lie.
#include "control/wireguard/tunnels.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <thread>

#include "crypto/init.h"
#include "crypto/random.h"
#include "crypto/x25519.h"
#include "tests/unit/fake_manager.h"

namespace gotthard::control {
namespace {

using noise::Outcome;
using test::FakeManager;

abi::Address host(std::uint8_t n) { return {abi::Family::ipv4, {192, 0, 2, n}}; }

crypto::PrivateKey private_key(std::uint8_t n) {
  crypto::PrivateKey key;
  std::ranges::fill(key.bytes(), std::byte{n});
  crypto::clamp(key);
  return key;
}

// A gateway at 192.0.2.`n` with one peer at 192.0.2.`m`.
config::Config config_of(std::uint8_t n, std::uint8_t m) {
  config::Config config;
  config::Port wan;
  wan.name = "wan";
  config.ports = {wan};
  config::WireGuard wg0;
  wg0.name = "wg0";
  wg0.private_key_file = "/key" + std::to_string(n);
  config::Peer peer;
  peer.name = "gw" + std::to_string(m);
  peer.public_key = crypto::public_key(private_key(m));
  peer.endpoint = config::Endpoint{"192.0.2." + std::to_string(m), 51820, host(m)};
  peer.allowed_ips = {{{abi::Family::ipv4, {10, m, 0, 0}}, 16}};
  wg0.peers = {peer};
  config.wireguard = {wg0};
  return config;
}

struct Control {
  Control(std::uint8_t n, const config::Config& settings, std::span<std::byte> memory)
      : config(settings),
        link({.event = [this](const abi::EventBody& e) { tunnels->on_event(e); },
              .punt = [this](const abi::PacketRecord& p) { tunnels->on_punt(p, false); }}),
        fib({.emit = [this](const abi::CommandBody& c) { return link.send(c); },
             .resolve = [](std::uint16_t, const abi::Address&) {}}),
        sessions([] { return crypto::random_u32(); }),
        checkpoint(memory) {
    keys.emplace("/key" + std::to_string(n), private_key(n));
    auto made = Tunnels::create(config, keys,
                                {.dataplane = &link,
                                 .fib = &fib,
                                 .sessions = &sessions,
                                 .checkpoint = &checkpoint,
                                 .resolve_name = [this](std::uint32_t, const std::string& name) {
                                   names_asked.push_back(name);
                                   return true;
                                 }});
    EXPECT_TRUE(made.has_value());
    tunnels = std::move(*made);
    fib.configure(config, boottime_now());
    fib.apply(route::Link{3, "wan", true, 1500});
    fib.apply(route::Link{5, "wg0", true, 1420});
    fib.apply(route::LocalAddress{3, host(n), 24, true});
    route::KernelRoute on_link;
    on_link.destination = {{abi::Family::ipv4, {192, 0, 2, 0}}, 24};
    on_link.link = 3;
    fib.apply(route::RouteAdded{on_link});
    for (std::uint8_t other = 1; other < 5; ++other) {
      fib.apply(
          route::Neighbour{3, host(other), {2, 0, 0, 0, 0, other}, route::Reachability::reachable});
    }
    fib.apply(route::Synchronised{});
  }

  Tunnels::Resynced attach(FakeManager* manager, bool fresh = false) {
    link.expect(std::move(manager->control_end));
    manager->announce();
    EXPECT_TRUE(link.on_socket().value_or(false));
    if (!tunnels->numbered()) {
      EXPECT_TRUE(tunnels->number_peers(link.directory(), keys));
    }
    link.send(abi::ResyncBegin{});
    fib.attach(boottime_now());
    const auto resynced = tunnels->resync(fresh, boottime_now());
    link.send(abi::ResyncEnd{});
    link.flush();
    return resynced;
  }
  void turn() {
    EXPECT_TRUE(link.poll());
    fib.flush(boottime_now());
    tunnels->on_turn();
    link.flush();
  }
  [[nodiscard]] std::uint64_t count(Outcome outcome) const {
    return tunnels->tunnels()[0].device.counters()[static_cast<std::size_t>(outcome)];
  }
  [[nodiscard]] const TunnelPeer& peer() const { return tunnels->peers().begin()->second; }

  config::Config config;
  Keys keys;
  DataplaneLink link;
  route::FibBuilder fib;
  SessionAllocator sessions;
  checkpoint::Checkpoint checkpoint;
  std::unique_ptr<Tunnels> tunnels;
  std::vector<std::string> names_asked;
};

// A gateway: what control may lose (itself), and what it may not.
struct Side {
  Side(std::uint8_t self, std::uint8_t other) : n(self), config(config_of(self, other)) {
    start_control();
  }

  void start_control() {
    control = std::make_unique<Control>(n, config, memory);
    ++epoch;
  }
  // A living data plane gives a new control what it has, in new shared memory.
  Tunnels::Resynced attach(std::uint64_t instance = 1) {
    auto next = std::make_unique<FakeManager>(instance, epoch);
    const bool fresh = manager != nullptr && instance != manager->directory->header.instance;
    if (manager != nullptr && !fresh) {
      for (const auto& [id, install] : installed) {
        show(next.get(), install, confirmed[id]);
      }
      for (const auto& [number, set] : peers) {
        show(next.get(), set);
      }
    } else {
      installed.clear();
      peers.clear();
    }
    manager = std::move(next);
    const auto resynced = control->attach(manager.get(), fresh);
    commands();
    return resynced;
  }

  static void show(FakeManager* in, const abi::PeerSet& set) {
    abi::PeerEntry& entry = in->directory->peer[set.peer];
    entry.used = 1;
    entry.interface = set.interface;
    for (std::size_t i = 0; i < 32; ++i) {
      entry.public_key[i] = set.public_key[i];
    }
  }
  static void show(FakeManager* in, const abi::SessionInstall& install, bool current) {
    abi::SessionEntry& entry = in->directory->session[install.local_id & abi::kSlotMask];
    entry.local_id = install.local_id;
    entry.remote_id = install.remote_id;
    entry.peer = install.peer;
    entry.initiator = install.use == abi::KeyUse::now ? 1 : 0;
    entry.installed_ns = boottime_now();
    entry.state = static_cast<std::uint32_t>(abi::SessionState::live);
    if (current) {
      in->directory->peer[install.peer].current_session = install.local_id;
    }
  }

  // What the data plane does with what it was sent; the installs are answered only by answer().
  void commands() {
    for (const auto& command : manager->take_commands()) {
      if (const auto* set = std::get_if<abi::PeerSet>(&command)) {
        peers[set->peer] = *set;
        show(manager.get(), *set);
      } else if (const auto* install = std::get_if<abi::SessionInstall>(&command)) {
        waiting.push_back(*install);
      } else if (const auto* remove = std::get_if<abi::SessionRemove>(&command)) {
        removed.push_back(remove->local_id);
      } else if (std::holds_alternative<abi::KeepaliveSend>(command)) {
        ++keepalives;
      }
    }
  }
  void answer() {
    for (const auto& install : std::exchange(waiting, {})) {
      installed[install.local_id] = install;
      confirmed[install.local_id] = install.use == abi::KeyUse::now;
      show(manager.get(), install, confirmed[install.local_id]);
      manager->tell(abi::SessionInstalled{.local_id = install.local_id});
    }
    turn();
  }
  void turn() {
    control->turn();
    commands();
  }
  std::vector<abi::PacketRecord> sent() const {
    std::vector<abi::PacketRecord> packets;
    abi::PacketRecord packet;
    while (manager->injected.pop(&packet)) {
      packets.push_back(packet);
    }
    return packets;
  }
  // As it arrives at the other side.
  void receive(abi::PacketRecord packet) {
    std::swap(packet.remote, packet.local);
    std::swap(packet.remote_port, packet.local_port);
    EXPECT_TRUE(manager->punts.push(packet));
    turn();
  }
  void want_handshake() {
    manager->tell(abi::NeedHandshake{.peer = control->peer().number});
    turn();
  }

  std::uint8_t n;
  config::Config config;
  std::vector<std::byte> memory = std::vector<std::byte>(64 << 10);
  std::uint64_t epoch = 0;
  std::unique_ptr<FakeManager> manager;
  std::unique_ptr<Control> control;
  std::map<std::uint32_t, abi::PeerSet> peers;
  std::map<std::uint32_t, abi::SessionInstall> installed;
  std::map<std::uint32_t, bool> confirmed;
  std::vector<abi::SessionInstall> waiting;
  std::vector<std::uint32_t> removed;
  int keepalives = 0;
};

class TunnelsTest : public testing::Test {
 protected:
  TunnelsTest() {
    EXPECT_TRUE(crypto::init());
    a_ = std::make_unique<Side>(1, 2);
    b_ = std::make_unique<Side>(2, 1);
    a_->attach();
    b_->attach();
  }

  // From A's first packet to B's confirmation.
  void handshake() {
    a_->want_handshake();
    const auto initiations = a_->sent();
    ASSERT_EQ(initiations.size(), 1U);
    initiation_ = initiations[0];
    b_->receive(initiation_);
    b_->answer();
    const auto responses = b_->sent();
    ASSERT_EQ(responses.size(), 1U);
    a_->receive(responses[0]);
    a_->answer();
    ASSERT_EQ(b_->installed.size(), 1U);
    const std::uint32_t id = b_->installed.begin()->first;
    b_->confirmed[id] = true;
    b_->manager->directory->peer[b_->control->peer().number].current_session = id;
    b_->manager->tell(abi::SessionConfirmed{.local_id = id});
    b_->turn();
  }

  std::unique_ptr<Side> a_, b_;
  abi::PacketRecord initiation_;
};

TEST_F(TunnelsTest, HandshakeOverTheRingsStepByStep) {
  a_->want_handshake();
  const auto initiations = a_->sent();
  ASSERT_EQ(initiations.size(), 1U);
  EXPECT_EQ(initiations[0].length, 148);
  EXPECT_EQ(initiations[0].remote, host(2));
  EXPECT_EQ(initiations[0].local, host(1));
  EXPECT_EQ(initiations[0].local_port, htons(51820));
  EXPECT_NE(initiations[0].neighbour, abi::kNoNeighbour);
  const auto kept = checkpoint::Checkpoint(a_->memory).find(a_->control->peer().record_key);
  ASSERT_TRUE(kept.has_value()) << "the timestamp is kept before it is sent";
  EXPECT_NE(kept->last_sent, (std::array<std::uint8_t, 12>{}));

  b_->receive(initiations[0]);
  ASSERT_EQ(b_->waiting.size(), 1U);
  const auto seen = checkpoint::Checkpoint(b_->memory).find(b_->control->peer().record_key);
  ASSERT_TRUE(seen.has_value()) << "and the one received before anything is installed";
  EXPECT_EQ(seen->greatest_received, kept->last_sent);
  EXPECT_TRUE(b_->sent().empty()) << "no answer before the session is installed";
  EXPECT_EQ(b_->waiting[0].use, abi::KeyUse::after_first_inbound);
  b_->answer();
  const auto responses = b_->sent();
  ASSERT_EQ(responses.size(), 1U);
  EXPECT_EQ(responses[0].length, 92);

  a_->receive(responses[0]);
  ASSERT_EQ(a_->waiting.size(), 1U);
  EXPECT_EQ(a_->waiting[0].use, abi::KeyUse::now);
  EXPECT_EQ(a_->keepalives, 0);
  a_->answer();
  EXPECT_EQ(a_->keepalives, 1) << "it confirms the responder's session";
  const auto& of_a = a_->installed.begin()->second;
  const auto& of_b = b_->installed.begin()->second;
  EXPECT_EQ(of_a.send_key, of_b.receive_key);
  EXPECT_EQ(of_a.receive_key, of_b.send_key);
  EXPECT_EQ(of_a.remote_id, of_b.local_id);
  EXPECT_EQ(of_a.local_id, of_b.remote_id);
  EXPECT_EQ(a_->control->count(Outcome::handshake_done), 1U);
}

TEST_F(TunnelsTest, AnErasedSessionFreesItsSlotAndARefusedOneToo) {
  handshake();
  const std::uint32_t id = a_->installed.begin()->first;
  EXPECT_TRUE(a_->control->sessions.in_use(id));
  a_->manager->tell(abi::SessionErased{.local_id = id ^ 0x4000'0000});  // another id, same slot
  a_->turn();
  EXPECT_TRUE(a_->control->sessions.in_use(id));
  a_->manager->tell(abi::SessionErased{.local_id = id});
  a_->turn();
  EXPECT_FALSE(a_->control->sessions.in_use(id));

  // Another machine with the same key: its timestamp must be later by more than their grain (16.8
  // ms), and two initiations within 20 ms are a flood.
  std::this_thread::sleep_for(std::chrono::milliseconds(25));
  auto c = std::make_unique<Side>(1, 2);
  c->attach();
  c->want_handshake();
  b_->receive(c->sent().at(0));
  ASSERT_EQ(b_->waiting.size(), 1U);
  const std::uint32_t refused = b_->waiting[0].local_id;
  b_->manager->tell(
      abi::CommandRefused{.serial = 1, .local_id = refused, .reason = abi::Refusal::key_reused});
  b_->turn();
  EXPECT_FALSE(b_->control->sessions.in_use(refused));
  EXPECT_TRUE(b_->sent().empty()) << "a session that is not installed is not answered for";
}

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

TEST_F(TunnelsTest, WhatCannotBeKeptIsNotSentNorInstalled) {
  Side full(1, 2);
  full.memory.assign(256, std::byte{0});  // room for a header and no record
  full.start_control();
  full.attach();
  full.want_handshake();
  EXPECT_TRUE(full.sent().empty());

  Side deaf(2, 1);
  deaf.memory.assign(256, std::byte{0});
  deaf.start_control();
  deaf.attach();
  a_->want_handshake();
  deaf.receive(a_->sent().at(0));
  EXPECT_TRUE(deaf.waiting.empty());
  EXPECT_TRUE(deaf.sent().empty());
}

TEST_F(TunnelsTest, WherePeersMoveToIsKept) {
  a_->manager->tell(abi::EndpointMoved{.peer = a_->control->peer().number,
                                       .local_id = 0x10100,
                                       .remote = host(4),
                                       .local = host(1),
                                       .remote_port = htons(999)});
  a_->turn();
  EXPECT_EQ(a_->peers.begin()->second.endpoint.remote, host(4));
  EXPECT_EQ(a_->peers.begin()->second.endpoint.remote_port, htons(999));
  a_->start_control();
  a_->attach();
  EXPECT_EQ(a_->control->peer().endpoint, (noise::Endpoint{host(4), htons(999)}));
}

TEST_F(TunnelsTest, ANameIsAskedForOnceAndNotTooOften) {
  Side named(3, 2);
  named.config.wireguard[0].peers[0].endpoint = config::Endpoint{"gw2.example", 51820, {}};
  named.start_control();
  named.attach();
  EXPECT_EQ(named.control->names_asked, std::vector<std::string>{"gw2.example"});
  named.control->tunnels->on_tick();
  named.control->tunnels->on_name_resolved(named.control->peer().number, std::nullopt);
  named.control->tunnels->on_tick();
  named.control->tunnels->on_tick();
  EXPECT_EQ(named.control->names_asked.size(), 1U) << "some seconds between two questions";
  named.want_handshake();
  EXPECT_TRUE(named.sent().empty());
  named.control->tunnels->on_name_resolved(named.control->peer().number, host(2));
  named.turn();
  EXPECT_EQ(named.peers.begin()->second.endpoint.remote, host(2));
  named.want_handshake();
  EXPECT_EQ(named.sent().size(), 1U);
}

TEST_F(TunnelsTest, EventsOfWhatDoesNotExistDoNothing) {
  for (const std::uint32_t number : {7U, 16383U}) {
    a_->manager->tell(abi::NeedHandshake{.peer = number});
    a_->manager->tell(abi::EndpointMoved{.peer = number,
                                         .local_id = 0x10100,
                                         .remote = host(3),
                                         .local = host(1),
                                         .remote_port = 1});
  }
  for (const std::uint32_t id : {256U, 0x10100U, 0xffff'ffffU}) {
    a_->manager->tell(abi::SessionInstalled{.local_id = id});
    a_->manager->tell(abi::SessionConfirmed{.local_id = id});
    a_->manager->tell(abi::SessionErased{.local_id = id});
    a_->manager->tell(abi::CommandRefused{.serial = 1, .local_id = id});
  }
  abi::PacketRecord packet;
  packet.interface = 9;
  packet.length = 148;
  packet.remote = packet.local = host(3);
  packet.remote_port = packet.local_port = htons(51820);
  EXPECT_TRUE(a_->manager->punts.push(packet));
  a_->turn();
  EXPECT_TRUE(a_->sent().empty());
  EXPECT_TRUE(a_->waiting.empty());
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
