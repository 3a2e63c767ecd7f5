// From one configuration to another: what differs, and the change that makes it so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "control/reload/change_between.h"
#include "control/reload/difference.h"
#include "crypto/x25519.h"

namespace gotthard::control {

void PrintTo(const Difference& one, std::ostream* out) {
  *out << one.where << " " << one.key << ": '" << one.before << "' -> '" << one.after
       << (one.live ? "'" : "' (not live)");
}

namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

crypto::Secret<32> key(std::uint8_t n) {
  crypto::Secret<32> secret;
  secret.bytes()[0] = std::byte{n};
  return secret;
}

config::Prefix net(std::uint8_t n) { return {{abi::Family::ipv4, {10, n, 0, 0}}, 16}; }

config::Peer peer(std::uint8_t n, const std::string& name) {
  config::Peer result;
  result.name = name;
  result.public_key[0] = n;
  result.allowed_ips = {net(n)};
  result.endpoint = config::Endpoint{"192.0.2.1", n, std::nullopt};
  return result;
}

Settings base() {
  Settings settings;
  config::Port wan;
  wan.name = "wan";
  settings.config.ports = {wan};
  config::WireGuard wg0;
  wg0.name = "wg0";
  wg0.private_key_file = "/wg0.key";
  wg0.peers = {peer(1, "one"), peer(2, "two")};
  settings.config.wireguard = {wg0};
  settings.keys.emplace("/wg0.key", key(7));
  return settings;
}

InterfaceChange change(const Settings& from, const Settings& to) {
  return change_between(from.config.wireguard[0], from.keys, to.config.wireguard[0], to.keys);
}

Settings with_child() {
  Settings settings = base();
  config::Child child;
  child.name = "net-b";
  child.lab_keys = {
      {.in_spi = 0x1001, .in_key_file = "/in.1", .out_spi = 0x1002, .out_key_file = "/out.1"}};
  config::Connection connection;
  connection.name = "region-b";
  connection.children = {child};
  config::Ipsec ipsec;
  ipsec.name = "ipsec0";
  ipsec.connections = {connection};
  settings.config.ipsec = {ipsec};
  return settings;
}

TEST(IpsecDifferences, NewKeysOfAChildComeWhileItRuns) {
  Settings other = with_child();
  config::LabKeys& keys = other.config.ipsec[0].connections[0].children[0].lab_keys[0];
  keys = {.in_spi = 0x2001, .in_key_file = "/in.2", .out_spi = 0x2002, .out_key_file = "/out.2"};
  EXPECT_THAT(differences(with_child(), other),
              ElementsAre(Difference{"ipsec0/region-b/net-b", "lab_keys", "0x1001 in, 0x1002 out",
                                     "0x2001 in, 0x2002 out", true}));
  keys.in_spi = 0x1001;
  EXPECT_THAT(differences(with_child(), other),
              ElementsAre(Difference{"ipsec0", "", "", "changed", false}))
      << "the keys of before are known by their SPI";
}

TEST(IpsecDifferences, AllElseNeedsAStart) {
  Settings other = with_child();
  other.config.ipsec[0].connections[0].children[0].lab_keys[0].in_spi = 0x2001;
  other.config.ipsec[0].connections[0].reorder_budget = 64;
  EXPECT_THAT(differences(with_child(), other),
              ElementsAre(Difference{"ipsec0", "", "", "changed", false}));
}

TEST(Reload, TheSameDiffersInNothing) {
  Settings other = base();
  std::ranges::reverse(other.config.wireguard[0].peers);
  EXPECT_THAT(differences(base(), other), IsEmpty()) << "peers' places say nothing";
  const InterfaceChange nothing = change(base(), other);
  EXPECT_FALSE(nothing.private_key || nothing.listen_port || nothing.fwmark);
  EXPECT_THAT(nothing.peers, IsEmpty());
}

TEST(Reload, WhatOnlyAStartBringsIsSaid) {
  Settings other = base();
  other.config.dataplane.workers = 3;
  other.config.ports[0].mtu = 9000;
  other.config.log.level = log::Level::debug;
  EXPECT_THAT(differences(base(), other),
              ElementsAre(Difference{"dataplane", "workers", "default", "3", false},
                          Difference{"log", "level", "info", "debug", true},
                          Difference{"port wan", "mtu", "1500", "9000", false}));
  other = base();
  other.config.wireguard.push_back({});
  other.config.wireguard[1].name = "wg1";
  EXPECT_THAT(differences(base(), other),
              ElementsAre(Difference{"wireguard", "name", "wg0", "wg0 wg1", false}));
}

TEST(Reload, PeersComeGoAndChange) {
  Settings other = base();
  auto& peers = other.config.wireguard[0].peers;
  peers[0].name = "uno";
  peers[0].allowed_ips = {net(3), net(1)};
  peers[0].persistent_keepalive = 25;
  peers[0].preshared_key_file = "/one.psk";
  other.keys.emplace("/one.psk", key(9));
  peers[1] = peer(4, "two");
  EXPECT_THAT(differences(base(), other),
              UnorderedElementsAre(Difference{"wg0/uno", "name", "one", "uno", true},
                                   Difference{"wg0/uno", "allowed_ips", "", "10.3.0.0/16", true},
                                   Difference{"wg0/uno", "persistent_keepalive", "0", "25", true},
                                   Difference{"wg0/uno", "preshared_key", "", "set", true},
                                   Difference{"wg0/two", "", "", "added", true},
                                   Difference{"wg0/two", "", "", "removed", true}));
  const InterfaceChange made = change(base(), other);
  ASSERT_EQ(made.peers.size(), 3U);
  EXPECT_TRUE(made.peers[0].remove);
  EXPECT_EQ(made.peers[0].public_key[0], 2);
  const PeerChange& changed = made.peers[1];
  EXPECT_TRUE(changed.update_only);
  EXPECT_FALSE(changed.replace_allowed_ips);
  EXPECT_EQ(changed.name, "uno");
  EXPECT_THAT(changed.allowed_ips, ElementsAre(net(3)));
  EXPECT_THAT(changed.removed_allowed_ips, IsEmpty());
  EXPECT_EQ(changed.persistent_keepalive, 25);
  EXPECT_FALSE(changed.endpoint || changed.take_endpoint) << "where it is heard now is better";
  ASSERT_TRUE(changed.preshared_key.has_value());
  EXPECT_TRUE(crypto::equal(changed.preshared_key->bytes(), key(9).bytes()));
  const PeerChange& added = made.peers[2];
  EXPECT_EQ(added.name, "two");
  EXPECT_TRUE(added.replace_allowed_ips);
  EXPECT_TRUE(added.endpoint && added.preshared_key && added.preshared_key->is_zero());
}

TEST(Reload, EndpointsChangeAndGo) {
  Settings other = base();
  auto& peers = other.config.wireguard[0].peers;
  peers[0].endpoint = config::Endpoint{"gw.example", 1, std::nullopt};
  peers[1].endpoint.reset();
  EXPECT_THAT(
      differences(base(), other),
      UnorderedElementsAre(Difference{"wg0/one", "endpoint", "192.0.2.1:1", "gw.example:1", true},
                           Difference{"wg0/two", "endpoint", "192.0.2.1:2", "", true}));
  const InterfaceChange made = change(base(), other);
  ASSERT_EQ(made.peers.size(), 2U);
  EXPECT_EQ(config::to_string(made.peers[0].endpoint.value()), "gw.example:1");
  EXPECT_FALSE(made.peers[0].take_endpoint);
  EXPECT_TRUE(made.peers[1].take_endpoint && !made.peers[1].endpoint);
}

TEST(Reload, KeysAreComparedByWhatTheFilesHoldAndNeverShown) {
  Settings other = base();
  other.keys.clear();
  other.keys.emplace("/elsewhere", key(7));
  other.config.wireguard[0].private_key_file = "/elsewhere";
  EXPECT_THAT(differences(base(), other), IsEmpty()) << "the same key in another file";
  EXPECT_FALSE(change(base(), other).private_key.has_value());
  other.keys.clear();
  other.keys.emplace("/elsewhere", key(8));
  const auto found = differences(base(), other);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].key, "private_key");
  auto clamped = key(8);
  crypto::clamp(clamped);
  EXPECT_EQ(found[0].after, "of " + config::key_to_string(crypto::public_key(clamped)));
  ASSERT_TRUE(change(base(), other).private_key.has_value());
}

TEST(Reload, RoutesAndOptions) {
  Settings from = base();
  from.config.routes = {{net(8), config::Address{abi::Family::ipv4, {192, 0, 2, 254}}, ""}};
  Settings to = base();
  to.config.routes = {{net(9), std::nullopt, "wg0"}};
  to.config.wireguard[0].listen_port = 4000;
  to.config.wireguard[0].copy_dscp = true;
  EXPECT_THAT(differences(from, to),
              ElementsAre(Difference{"route 10.8.0.0/16", "", "via 192.0.2.254", "", true},
                          Difference{"route 10.9.0.0/16", "", "", "interface wg0", true},
                          Difference{"wg0", "listen_port", "51820", "4000", true},
                          Difference{"wg0", "dscp", "zero", "copy", true}));
  const InterfaceChange made = change(from, to);
  EXPECT_EQ(made.listen_port, 4000);
  ASSERT_TRUE(made.options.has_value());
  EXPECT_TRUE(made.options->copy_dscp);
}

// Peers and their prefixes as plain sets, on which a change acts as an interface does.
using Model = std::map<std::uint8_t, std::set<std::uint8_t>>;

Model model_of(const config::WireGuard& tunnel) {
  Model model;
  for (const config::Peer& one : tunnel.peers) {
    std::set<std::uint8_t>& prefixes = model[one.public_key[0]];
    for (const config::Prefix& prefix : one.allowed_ips) {
      prefixes.insert(prefix.address.bytes[1]);
    }
  }
  return model;
}

Model after(Model model, const InterfaceChange& change) {
  for (const PeerChange& one : change.peers) {
    const std::uint8_t number = one.public_key[0];
    if (one.remove) {
      model.erase(number);
      continue;
    }
    if (one.update_only && !model.contains(number)) {
      continue;
    }
    if (one.replace_allowed_ips) {
      model[number].clear();
    }
    for (const config::Prefix& prefix : one.allowed_ips) {
      for (auto& [other, prefixes] : model) {
        prefixes.erase(prefix.address.bytes[1]);
      }
      model[number].insert(prefix.address.bytes[1]);
    }
    for (const config::Prefix& prefix : one.removed_allowed_ips) {
      model[number].erase(prefix.address.bytes[1]);
    }
  }
  return model;
}

// A prefix has one owner: each is given to the peer that `owners` says.
config::WireGuard arranged(const std::map<std::uint8_t, std::uint8_t>& owners) {
  config::WireGuard tunnel;
  std::map<std::uint8_t, config::Peer> peers;
  for (const auto& [prefix, owner] : owners) {
    const auto number = static_cast<std::uint8_t>(owner % 6);
    const auto [at, is_new] = peers.try_emplace(number, peer(number, std::to_string(number)));
    if (is_new) {
      at->second.allowed_ips.clear();
    }
    at->second.allowed_ips.push_back(net(prefix));
  }
  for (auto& [number, one] : peers) {
    tunnel.peers.push_back(one);
  }
  return tunnel;
}

RC_GTEST_PROP(Reload, AChangeMakesOfOneTheOther,
              (const std::map<std::uint8_t, std::uint8_t>& before,
               const std::map<std::uint8_t, std::uint8_t>& then)) {
  const config::WireGuard from = arranged(before);
  const config::WireGuard to = arranged(then);
  const Keys none;
  const InterfaceChange made = change_between(from, none, to, none);
  RC_ASSERT(after(model_of(from), made) == model_of(to));
}

}  // namespace
}  // namespace gotthard::control
