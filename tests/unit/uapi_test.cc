#include "control/uapi/request.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "control/uapi/answer.h"

namespace gotthard::uapi {
namespace {

using control::InterfaceChange;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kKey = "b85996fecc9c7f1fc6d2572a76eda11d59bcd20be8e543b15ce4bd85a8e75a33";

InterfaceChange change_of(const std::string& text) {
  auto request = parse(text);
  EXPECT_TRUE(request.has_value()) << request.error().message;
  return std::move(std::get<InterfaceChange>(*request));
}

int refusal_of(const std::string& text) {
  const auto request = parse(text);
  return request ? 0 : request.error().error;
}

TEST(UapiRequest, Get) { EXPECT_TRUE(std::holds_alternative<Get>(*parse("get=1\n"))); }

TEST(UapiRequest, InterfaceKeys) {
  const auto change = change_of("set=1\nprivate_key=" + kKey +
                                "\nlisten_port=12912\nfwmark=0x1f\nreplace_peers=true\n");
  EXPECT_EQ(change.private_key->bytes()[0], std::byte{0xb8});
  EXPECT_EQ(change.listen_port, 12912);
  EXPECT_EQ(change.fwmark, 31U);
  EXPECT_TRUE(change.replace_peers);
  EXPECT_EQ(change_of("set=1\nfwmark=\n").fwmark, 0U);
  EXPECT_FALSE(change_of("set=1\n").private_key.has_value());
}

TEST(UapiRequest, PeersKeepTheirOwnLines) {
  const auto change =
      change_of("set=1\npublic_key=" + kKey + "\npreshared_key=" + kKey +
                "\nendpoint=[2001:db8::1]:51820\nallowed_ip=10.1.2.3/8\nallowed_ip=-fd00::/8\n" +
                "public_key=" + std::string(64, '1') +
                "\nendpoint=192.0.2.1:1\npersistent_keepalive_interval=25\nremove=true\n"
                "update_only=true\nreplace_allowed_ips=true\nprotocol_version=1\n");
  ASSERT_EQ(change.peers.size(), 2U);
  const auto& first = change.peers[0];
  EXPECT_TRUE(first.preshared_key.has_value());
  EXPECT_EQ(first.endpoint->address, *config::parse_address("2001:db8::1"));
  EXPECT_THAT(first.allowed_ips, ElementsAre(*config::parse_prefix("10.0.0.0/8")))
      << "host bits are dropped";
  EXPECT_THAT(first.removed_allowed_ips, ElementsAre(*config::parse_prefix("fd00::/8")));
  EXPECT_FALSE(first.remove || first.update_only || first.replace_allowed_ips);
  const auto& second = change.peers[1];
  EXPECT_EQ(second.persistent_keepalive, 25);
  EXPECT_TRUE(second.remove && second.update_only && second.replace_allowed_ips);
  EXPECT_FALSE(second.preshared_key.has_value());
}

TEST(UapiRequest, BadOnesAreRefusedWhole) {
  for (const char* text : {"", "\n", "get=2\n", "set=2\n", "get=1\nset=1\n", "set=1\nlisten_port\n",
                           "set=1\ncolour=blue\n", "set=1\nallowed_ip=10.0.0.0/8\n"}) {
    EXPECT_EQ(refusal_of(text), EPROTO) << text;
  }
  const std::string peer = "set=1\npublic_key=" + kKey + "\n";
  EXPECT_EQ(refusal_of(peer + "name=ours\n"), EPROTO) << "that is for the checkpoint alone";
  for (const std::string& text :
       {std::string("set=1\nlisten_port=65536\n"), std::string("set=1\nlisten_port=-1\n"),
        std::string("set=1\nprivate_key=00\n"), std::string("set=1\nreplace_peers=yes\n"),
        std::string("set=1\npublic_key=xyz\n"), "set=1\nprivate_key=" + kKey + "00\n",
        peer + "endpoint=192.0.2.1\n", peer + "endpoint=host:51820\n",
        peer + "endpoint=192.0.2.1:0\n", peer + "endpoint=h.example:1\n",
        peer + "allowed_ip=10.0.0.0/33\n", peer + "allowed_ip=10.0.0.0\n",
        peer + "protocol_version=2\n", peer + "persistent_keepalive_interval=\n"}) {
    EXPECT_EQ(refusal_of(text), EINVAL) << text;
  }
}

TEST(UapiAnswer, SaysWhatASetWouldHaveSaid) {
  const std::array<std::uint8_t, 32> bytes{1, 2, 3};
  const auto secret = crypto::Secret<32>::copy_of(std::span(bytes));
  const crypto::Secret<32> none;
  InterfaceView view{.private_key = &secret, .listen_port = 51820, .fwmark = 7, .peers = {}};
  view.peers.push_back(
      PeerView{.public_key = {9},
               .preshared_key = &secret,
               .endpoint = noise::Endpoint{*config::parse_address("2001:db8::1"), htons(99)},
               .configured = *config::parse_endpoint("h.example:7"),
               .last_handshake = 5 * kSecond + 17,
               .tx_bytes = 11,
               .rx_bytes = 12,
               .persistent_keepalive = 25,
               .allowed_ips = {*config::parse_prefix("10.0.0.0/8")}});
  view.peers.push_back(PeerView{.public_key = {8},
                                .preshared_key = &none,
                                .endpoint = {},
                                .configured = {},
                                .allowed_ips = {}});
  const std::string text(std::string_view(describe(view)));
  for (const char* line :
       {"listen_port=51820\n", "fwmark=7\n", "endpoint=[2001:db8::1]:99\n",
        "last_handshake_time_sec=5\nlast_handshake_time_nsec=17\n", "tx_bytes=11\nrx_bytes=12\n",
        "persistent_keepalive_interval=25\n", "allowed_ip=10.0.0.0/8\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_EQ(text.find("preshared_key="), text.rfind("preshared_key=")) << "none is not told";
  EXPECT_EQ(std::string_view(ending(-98)), "errno=-98\n\n");
}

}  // namespace
}  // namespace gotthard::uapi
