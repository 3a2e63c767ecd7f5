#include "tools/cli/wg_quick.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/config/config.h"

namespace gotthard::cli {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kPrivate = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=";
const std::string kPublic = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
const std::string kOther = "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=";

std::string head(const std::string& more = "") {
  return "[Interface]\nPrivateKey = " + kPrivate + "\n" + more;
}

config::Config parsed(const Imported& imported) {
  const auto config = config::parse(imported.toml +
                                        "[[port]]\nname = \"wan\"\nrole = \"underlay\"\n"
                                        "device = \"0000:3b:00.0\"\n",
                                    "/etc/gotthard/wg0.toml");
  EXPECT_TRUE(config.has_value()) << config.error().message << "\n" << imported.toml;
  return config.value_or(config::Config{});
}

std::string error_of(const std::string& text) {
  const auto imported = import_wg_quick(text, "wg0");
  EXPECT_FALSE(imported.has_value()) << text;
  return imported ? "" : imported.error().message;
}

TEST(WgQuick, EverythingThatIsOursIsCarriedOver) {
  const auto imported = import_wg_quick(
      "# a comment\n" + head("Address = 10.0.0.1/24, fd00::1\nlistenport=51821\r\nMTU = 1400\n"
                             "FwMark = 0x10\n\n[Peer] # the other side\nPublicKey=" +
                             kPublic + "\nPresharedKey = " + kOther +
                             "\nAllowedIPs = 10.2.3.4/16,fd02::5/64\nAllowedIPs = 10.9.0.1\n"
                             "Endpoint = [2001:db8::2]:51820\nPersistentKeepalive = 25\n"),
      "wg0");
  ASSERT_TRUE(imported.has_value()) << imported.error().message;
  EXPECT_THAT(imported->warnings, ElementsAre(HasSubstr("line 7: FwMark: it is carried over")));
  const config::Config config = parsed(*imported);
  ASSERT_EQ(config.wireguard.size(), 1U);
  const config::WireGuard& wg0 = config.wireguard[0];
  EXPECT_EQ(wg0.name, "wg0");
  EXPECT_EQ(wg0.listen_port, 51821);
  EXPECT_EQ(wg0.mtu, 1400);
  EXPECT_EQ(wg0.fwmark, 16U);
  EXPECT_EQ(wg0.private_key_file, "/etc/gotthard/wg0.key");
  EXPECT_EQ(wg0.routes, config::RoutePolicy::allowed_ips);
  ASSERT_EQ(wg0.addresses.size(), 2U);
  EXPECT_EQ(config::to_string(wg0.addresses[1]), "fd00::1/128");
  ASSERT_EQ(wg0.peers.size(), 1U);
  const config::Peer& peer = wg0.peers[0];
  EXPECT_EQ(peer.name, "xTIBA5rboU");
  EXPECT_EQ(peer.persistent_keepalive, 25);
  EXPECT_EQ(peer.endpoint->port, 51820);
  EXPECT_THAT(peer.allowed_ips,
              ElementsAre(*config::parse_prefix("10.2.0.0/16"), *config::parse_prefix("fd02::/64"),
                          *config::parse_prefix("10.9.0.1/32")));
  ASSERT_EQ(imported->keys.size(), 2U);
  EXPECT_EQ(imported->keys[0].file, "wg0.key");
  EXPECT_EQ(std::string(imported->keys[0].text), kPrivate + "\n");
  EXPECT_EQ("/etc/gotthard/" + imported->keys[1].file, peer.preshared_key_file);
  EXPECT_EQ(std::string(imported->keys[1].text), kOther + "\n");
  EXPECT_EQ(imported->toml.find(kPrivate), std::string::npos) << "secrets are in key files alone";
  EXPECT_EQ(imported->toml.find(kOther), std::string::npos);
}

TEST(WgQuick, RoutesFollowTable) {
  const std::string peer = "[Peer]\nPublicKey = " + kPublic + "\nAllowedIPs = 0.0.0.0/0, ::/0\n";
  const std::string port = "ListenPort = 51820\n";
  const auto all = import_wg_quick(head(port) + peer, "wg0");
  EXPECT_EQ(parsed(*all).wireguard[0].routes, config::RoutePolicy::all);
  EXPECT_THAT(all->warnings, ElementsAre(AllOf(HasSubstr("line 6: AllowedIPs: the default route"),
                                               HasSubstr("0.0.0.0/1 and 128.0.0.0/1"))));
  const auto off = import_wg_quick(head(port + "Table = off\n") + peer, "wg0");
  EXPECT_EQ(parsed(*off).wireguard[0].routes, config::RoutePolicy::none);
  EXPECT_THAT(off->warnings, ElementsAre(HasSubstr("line 4: Table: no routes are made")));
  const auto other = import_wg_quick(head(port + "Table = 77\n") + peer, "wg0");
  EXPECT_EQ(parsed(*other).wireguard[0].routes, config::RoutePolicy::none)
      << "the main table had none of them";
  EXPECT_THAT(other->warnings, ElementsAre(AllOf(HasSubstr("line 4: Table is not carried over"),
                                                 HasSubstr("add them to table 77"))));
}

TEST(WgQuick, WhatIsNotCarriedOverIsNamed) {
  const auto imported = import_wg_quick(
      head("DNS = 192.0.2.53\nPostUp = iptables -A FORWARD\npredown = true\nSaveConfig = true\n") +
          "[Peer]\nPublicKey = " + kPublic + "\nAllowedIPs = 10.0.0.0/8\n[Peer]\nPublicKey = " +
          kOther + "\nAllowedIPs = 10.0.0.0/8\n",
      "wg0");
  ASSERT_TRUE(imported.has_value());
  EXPECT_THAT(imported->warnings,
              ElementsAre(HasSubstr("line 3: DNS"), HasSubstr("line 4: PostUp"),
                          HasSubstr("line 5: PreDown"), HasSubstr("line 6: SaveConfig"),
                          HasSubstr("line 12: AllowedIPs"), HasSubstr("ListenPort is not given")));
  const config::Config config = parsed(*imported);
  EXPECT_TRUE(config.wireguard[0].peers[0].allowed_ips.empty());
  EXPECT_EQ(config.wireguard[0].peers[1].allowed_ips.size(), 1U);
}

TEST(WgQuick, BadFilesAreRefusedByLine) {
  EXPECT_THAT(error_of(""), HasSubstr("PrivateKey"));
  EXPECT_THAT(error_of("PrivateKey = x\n"), HasSubstr("line 1"));
  EXPECT_THAT(error_of(head("Colour = blue\n")), HasSubstr("line 3: [Interface] has no key"));
  EXPECT_THAT(error_of(head("MTU = big\n")), HasSubstr("line 3"));
  EXPECT_THAT(error_of(head("Address = 10.0.0.0.1\n")), HasSubstr("line 3"));
  EXPECT_THAT(error_of(head("[Peers]\n")), HasSubstr("line 3"));
  EXPECT_THAT(error_of(head("[Peer]\nAllowedIPs = 10.0.0.0/8\n")), HasSubstr("no PublicKey"));
  EXPECT_THAT(error_of(head("[Peer]\nPublicKey = short\n")), HasSubstr("line 4"));
  EXPECT_THAT(error_of(head("[Peer]\nPublicKey = " + kPublic + "\nEndpoint = ho st:1\n")),
              AllOf(HasSubstr("wg0.toml:"), HasSubstr("neither an address nor a host name")));
  EXPECT_THAT(import_wg_quick(head(), "a tunnel").error().message, HasSubstr("no name for an"));
  const std::string secret = error_of("[Interface]\nPrivateKey = " + kPrivate.substr(1) + "\n");
  EXPECT_EQ(secret.find(kPrivate.substr(1)), std::string::npos) << "a key in a message";
}

}  // namespace
}  // namespace gotthard::cli
