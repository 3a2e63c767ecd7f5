// `gotthard-perf scale`: its parts as called, and the simulated peers that handshakes are with.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "crypto/init.h"
#include "perf/pipeline/environment.h"
#include "perf/scale/controller.h"
#include "perf/scale/core_control.h"
#include "perf/scale/remote_peer.h"
#include "tests/unit/perf_call.h"

namespace gotthard::perf::scale {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

bool two_cpus() { return pipeline::start_environment().value().cpus.size() > 1; }

json run_scale(std::vector<std::string> options) {
  for (const char* word : {"--seconds", "0.01", "--size", "64", "--json"}) {
    options.emplace_back(word);
  }
  const Outcome outcome = call_perf("scale", options);
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  return outcome.status == 0 ? json::parse(outcome.out) : json::object();
}

void expect_names(const json& object, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    EXPECT_TRUE(object.contains(name)) << name << " in " << object;
  }
}

TEST(PerfScale, TunnelsAreComparedToOne) {
  for (const char* protocol : {"wireguard", "esp"}) {
    const json object = run_scale({"--protocol", protocol, "--tunnels", "1,40"});
    ASSERT_EQ(object["tunnels"].size(), 2U);
    EXPECT_EQ(object["protocol"], protocol);
    EXPECT_EQ(object["tunnels"][1]["tunnels"], 40);
    for (const json& row : object["tunnels"]) {
      expect_names(row, {"packets_per_second", "relative_rate", "cycles_per_packet",
                         "aead_cycles_per_packet", "key_miss_cycles_per_packet",
                         "overhead_cycles_per_packet", "quiet_share"});
      EXPECT_GT(row["relative_rate"], 0);
      EXPECT_GT(row["overhead_cycles_per_packet"], 0);
    }
    EXPECT_FALSE(object.contains("workers"));
    EXPECT_FALSE(object.contains("handshakes"));
  }
}

TEST(PerfScale, WorkersAreComparedToOne) {
  if (!two_cpus()) {
    GTEST_SKIP() << "needs two CPUs";
  }
  const json workers = run_scale({"--workers"})["workers"];
  expect_names(workers, {"one_worker_cycles_per_packet", "quiet", "all", "quiet_share"});
  expect_names(workers["all"], {"control", "one_tunnel_to_one_worker", "two_tunnels_to_one_worker",
                                "one_tunnel_to_two_tunnels", "cycles"});
  EXPECT_EQ(workers["quiet"].is_null(), workers["quiet_share"] == 0);
  EXPECT_GT(workers["all"]["one_tunnel_to_one_worker"], 0);
  EXPECT_GE(workers["all"]["cycles"], 2);
  const auto control = core_control();
  ASSERT_TRUE(control);
  EXPECT_GT(*control, 0.1);
  EXPECT_LT(*control, 20);
}

TEST(PerfScale, RoutesAreLookedUpAndBuilt) {
  const json routes = run_scale({"--routes", "--prefixes", "500"})["routes"];
  expect_names(routes, {"lookup_cycles_per_packet", "cycles_per_packet",
                        "cycles_per_packet_one_route", "overhead_cycles_per_packet",
                        "overhead_cycles_per_packet_one_route", "quiet_share"});
  EXPECT_EQ(routes["prefixes"], 500);
  EXPECT_GE(routes["control_commands"], 2 * 500);  // a route and a source each
  EXPECT_GT(routes["control_build_seconds"], 0);
  EXPECT_GT(routes["data_plane_build_seconds"], 0);
}

TEST(PerfScale, SessionsAreInstalled) {
  const json install = run_scale({"--install"})["install"];
  expect_names(install, {"refused", "control_us", "manager_us", "quiet_share"});
  EXPECT_GE(install["sessions"].get<std::uint64_t>() + install["refused"].get<std::uint64_t>(),
            8 * 64);
  EXPECT_GT(install["sessions_per_second"], 0);
}

TEST(PerfScale, HandshakesAreAnsweredAndBegun) {
  const json object = run_scale({"--handshakes", "--rekeys", "--peers", "3"});
  for (const char* part : {"handshakes", "rekeys"}) {
    expect_names(object[part],
                 {"handshake_us", "handshakes_per_second_with_disturbances", "quiet_share"});
    EXPECT_EQ(object[part]["peers"], 3);
    EXPECT_GE(object[part]["handshakes"], 3);
    EXPECT_GT(object[part]["handshakes_per_second"], 0);
  }
}

TEST(PerfScale, TableIsForPeople) {
  const Outcome outcome =
      call_perf("scale", {"--tunnels", "2", "--install", "--seconds", "0.01", "--size", "64"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("wireguard chacha20poly1305 encap, 64 bytes, IPv4 in IPv4"));
  EXPECT_THAT(outcome.out, HasSubstr("key miss"));
  EXPECT_THAT(outcome.out, HasSubstr("sessions installed"));
}

TEST(PerfScale, WrongCallsAreRefused) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> wrong = {
      {{"--tunnels", "0"}, "--tunnels"},
      {{"--tunnels", "1,10001"}, "--tunnels"},
      {{"--prefixes", "1"}, "--prefixes"},
      {{"--peers", "0"}, "--peers"},
      {{"--seconds", "0"}, "--seconds"},
      {{"--tunnels", "1", "--suite", "aes128gcm"}, "--protocol esp"},
      {{"--sessions", "3"}, "--sessions"}};
  for (const auto& [options, why] : wrong) {
    const Outcome outcome = call_perf("scale", options);
    EXPECT_EQ(outcome.status, 2) << options[0];
    EXPECT_THAT(outcome.err, HasSubstr(why));
    EXPECT_EQ(outcome.out, "");
  }
}

// What is counted as answered was looked at: a peer takes nothing for a response that is none.
TEST(PerfScaleRemotePeer, TakesAuthenticMessagesOnly) {
  ASSERT_TRUE(crypto::init());
  auto mac = crypto::Blake2sMac::create().value();
  const crypto::KeyPair gateway = crypto::generate_key_pair();
  RemotePeer peer(gateway.public_key);
  const noise::Time now = control::time_now();
  const auto answer = [&](const Message& initiation) {
    const auto parsed = noise::parse_initiation(initiation).value();
    const auto identified = noise::identify_initiator(gateway, parsed).value();
    EXPECT_EQ(identified.initiator, peer.public_key());
    const auto remote = noise::remote_static(gateway, peer.public_key()).value();
    const auto handshake = noise::consume_initiation(identified, remote, parsed).value();
    auto created =
        noise::create_response(handshake, peer.public_key(), crypto::generate_key_pair(), {}, 4711);
    return std::move(created.value());
  };
  const Message first = peer.initiate(now, mac);
  const Message second = peer.initiate(now, mac);
  EXPECT_NE(first, second);
  EXPECT_FALSE(peer.accept(noise::to_datagram(answer(first).message)));  // of one forgotten
  const auto created = answer(second);
  Message response = noise::to_datagram(created.message);
  response[50] ^= std::byte{1};
  EXPECT_FALSE(peer.accept(response));
  response[50] ^= std::byte{1};
  EXPECT_TRUE(peer.accept(response));
  EXPECT_EQ(peer.remote_id(), 4711U);
  EXPECT_TRUE(std::ranges::equal(peer.keys().send.bytes(), created.keys.receive.bytes()));

  RemotePeer other(gateway.public_key);
  EXPECT_FALSE(peer.respond(other.initiate(now, mac), now, mac));  // is no gateway's
}

}  // namespace
}  // namespace gotthard::perf::scale
