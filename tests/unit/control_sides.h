// Control's WireGuard side as a whole, over real rings: gateways whose data planes are the test's
// own.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "control/wireguard/tunnels.h"
#include "crypto/init.h"
#include "crypto/random.h"
#include "crypto/x25519.h"
#include "tests/unit/fake_manager.h"

namespace gotthard::control::test {

inline abi::Address host(std::uint8_t n) { return {abi::Family::ipv4, {192, 0, 2, n}}; }

inline crypto::PrivateKey private_key(std::uint8_t n) {
  crypto::PrivateKey key;
  std::ranges::fill(key.bytes(), std::byte{n});
  crypto::clamp(key);
  return key;
}

// A gateway at 192.0.2.`n` with one peer at 192.0.2.`m`.
inline config::Config config_of(std::uint8_t n, std::uint8_t m) {
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
    on_link.hops = {{.link = 3}};
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
  [[nodiscard]] std::uint64_t count(noise::Outcome outcome) const {
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

}  // namespace gotthard::control::test
