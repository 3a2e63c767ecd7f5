// The running configuration's changes: kept in the checkpoint, and put back from there.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <vector>

#include "control/checkpoint/running_store.h"
#include "control/uapi/running.h"

namespace gotthard {
namespace {

using checkpoint::RunningStore;

std::optional<std::string> text_in(const RunningStore& store) {
  const auto text = store.read();
  return text ? std::optional(std::string(*text)) : std::nullopt;
}

TEST(RunningStore, KeepsWhatWasWrittenLast) {
  std::vector<std::byte> memory(8192);
  RunningStore store(memory);
  EXPECT_EQ(text_in(store), std::nullopt);
  for (const char* text : {"first", "a longer second", "3"}) {
    ASSERT_TRUE(store.write(text));
    EXPECT_EQ(text_in(store), text);
    EXPECT_EQ(text_in(RunningStore(memory)), text) << "also for the next one";
  }
  EXPECT_FALSE(store.write(std::string(store.longest() + 1, 'x')));
  EXPECT_EQ(text_in(store), "3") << "what did not fit took nothing away";
  ASSERT_TRUE(store.write(std::string(store.longest(), 'x')));
  ASSERT_TRUE(store.write(""));
  EXPECT_EQ(text_in(store), std::nullopt);
}

// Any byte of the newer copy may be wrong: then the older is in force, or nothing was.
RC_GTEST_PROP(RunningStore, ATornCopyIsNotBelieved, (std::uint16_t at, std::uint8_t by)) {
  std::vector<std::byte> memory(4096);
  RunningStore store(memory);
  RC_ASSERT(store.write("older"));
  RC_ASSERT(store.write("newer"));
  memory[at % memory.size()] ^= static_cast<std::byte>(by);
  const auto found = text_in(RunningStore(memory));
  const bool sound = found == "older" || found == "newer";
  RC_ASSERT(sound);
  RC_ASSERT(RunningStore(memory).write("next"));
  RC_ASSERT(text_in(RunningStore(memory)) == "next");
}

config::Config file() {
  config::Config config;
  config.wireguard.resize(2);
  config.wireguard[0].name = "wg0";
  config.wireguard[0].private_key_file = "/etc/wg0.key";
  config.wireguard[1].name = "wg1";
  config.wireguard[1].private_key_file = "/etc/wg1.key";
  return config;
}

TEST(RunningText, IsPutBackAsItWas) {
  crypto::Secret<32> private_key;
  private_key.bytes()[3] = std::byte{7};
  const crypto::Secret<32> none;
  uapi::RunningInterface interface {
    .name = "wg1", .view = {.private_key = &private_key, .listen_port = 99, .fwmark = 5 }
  };
  interface.view.peers.push_back(
      {.name = "region-b",
       .public_key = {1},
       .preshared_key = &private_key,
       .endpoint = noise::Endpoint{*config::parse_address("198.51.100.9"), htons(4)},
       .configured = *config::parse_endpoint("192.0.2.2:51820"),
       .last_handshake = 17,
       .tx_bytes = 4,
       .persistent_keepalive = 25,
       .allowed_ips = {*config::parse_prefix("10.0.0.0/8"), *config::parse_prefix("fd00::/8")}});
  interface.view.peers.push_back(
      {.name = "c",
       .public_key = {2},
       .preshared_key = &none,
       .endpoint = noise::Endpoint{*config::parse_address("192.0.2.7"), htons(4)},
       .configured = *config::parse_endpoint("c.example:7")});
  interface.view.peers.push_back(
      {.name = "d",
       .public_key = {3},
       .preshared_key = &none,
       .endpoint = noise::Endpoint{*config::parse_address("192.0.2.8"), htons(4)}});
  const auto text = uapi::running_text("the file", std::span(&interface, 1));

  config::Config config = file();
  control::Keys keys;
  EXPECT_FALSE(uapi::restore_running(text, "another file", &config, &keys));
  ASSERT_TRUE(uapi::restore_running(text, "the file", &config, &keys));
  EXPECT_EQ(config.wireguard[0].private_key_file, "/etc/wg0.key") << "it was not changed";
  const config::WireGuard& wg1 = config.wireguard[1];
  EXPECT_EQ(wg1.listen_port, 99);
  EXPECT_EQ(wg1.fwmark, 5U);
  EXPECT_TRUE(crypto::equal(keys.at(wg1.private_key_file).bytes(), private_key.bytes()));
  ASSERT_EQ(wg1.peers.size(), 3U);
  EXPECT_EQ(wg1.peers[0].name, "region-b");
  EXPECT_EQ(wg1.peers[0].endpoint->port, 51820) << "not where it was heard last";
  EXPECT_EQ(wg1.peers[0].endpoint->address, config::parse_address("192.0.2.2").value());
  EXPECT_EQ(wg1.peers[0].persistent_keepalive, 25);
  EXPECT_EQ(wg1.peers[0].allowed_ips, interface.view.peers[0].allowed_ips);
  EXPECT_TRUE(keys.contains(wg1.peers[0].preshared_key_file));
  EXPECT_EQ(wg1.peers[1].preshared_key_file, "");
  EXPECT_EQ(config::to_string(*wg1.peers[1].endpoint), "c.example:7") << "a name stays one";
  EXPECT_FALSE(wg1.peers[1].endpoint->address.has_value());
  EXPECT_FALSE(wg1.peers[2].endpoint.has_value()) << "it was given none";
}

TEST(RunningText, NoPrivateKeyStaysNone) {
  uapi::RunningInterface interface {
    .name = "wg0", .view = {.listen_port = 1 }
  };
  config::Config config = file();
  control::Keys keys;
  ASSERT_TRUE(uapi::restore_running(uapi::running_text("f", std::span(&interface, 1)), "f", &config,
                                    &keys));
  EXPECT_EQ(config.wireguard[0].private_key_file, "");
}

}  // namespace
}  // namespace gotthard
