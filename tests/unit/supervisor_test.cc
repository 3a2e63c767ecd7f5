#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/unit/temporary_directory.h"
#include "tools/supervisor/arguments.h"
#include "tools/supervisor/claim_parts.h"
#include "tools/supervisor/host.h"
#include "tools/supervisor/leftovers.h"
#include "tools/supervisor/port_guards.h"
#include "tools/supervisor/process.h"
#include "tools/supervisor/rate_limit.h"
#include "tools/supervisor/requests.h"
#include "tools/supervisor/restart_policy.h"
#include "tools/supervisor/run_dir.h"
#include "tools/supervisor/supervisor.h"
#include "tools/supervisor/tunnel_routes.h"

namespace gotthard::supervisor {
namespace {

using test::TemporaryDirectory;
using testing::Contains;
using testing::ElementsAre;
using testing::Eq;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;

config::Prefix prefix(const char* text) { return *config::parse_prefix(text); }

config::Config two_tunnels() {
  config::Config config;
  config.ports.resize(2);
  config.ports[0].name = "wan";
  config.ports[0].device = "net_af_packet0,iface=eth1";
  config.ports[1].name = "lan";
  config.ports[1].role = config::Role::inside;
  config.ports[1].device = "0000:3b:00.1";
  config.ports[1].mtu = 9000;
  config.wireguard.resize(2);
  config.wireguard[0].name = "wg0";
  config.wireguard[0].peers.resize(2);
  config.wireguard[0].peers[0].allowed_ips = {prefix("10.2.0.0/16"), prefix("0.0.0.0/0")};
  config.wireguard[0].peers[1].allowed_ips = {prefix("10.3.0.0/16")};
  config.wireguard[1].name = "wg1";
  config.wireguard[1].peers.resize(1);
  config.wireguard[1].peers[0].allowed_ips = {prefix("10.2.0.0/16"), prefix("2001:db8::/32")};
  return config;
}

TEST(Arguments, DataPlaneGetsPortsAndTunnelsInTheirOrder) {
  config::Config config = two_tunnels();
  config.dataplane.cores = {2, 3};
  config.dataplane.aead = crypto::Backend::portable;
  config.dataplane.spread = config::Spread::always;
  const auto argv = dataplane_argv(config, {.program = "/x/gotthard-dataplane",
                                            .instance_name = "gotthard-1",
                                            .hugepages = true,
                                            .supervisor_fd = 9,
                                            .twin_fds = {5, 6},
                                            .tunnel_fds = {7, 8}});
  EXPECT_EQ(argv.front(), "/x/gotthard-dataplane");
  EXPECT_THAT(argv,
              IsSupersetOf({"--supervisor-fd", "9", "--cores", "2,3", "--aead", "portable",
                            "--memory", "hugepages", "--idle", "adaptive", "--spread", "always"}));
  EXPECT_THAT(argv, Not(Contains("--workers")));
  std::vector<std::string> devices;
  for (std::size_t i = 0; i + 1 < argv.size(); ++i) {
    if (argv[i] == "--port" || argv[i] == "--tunnel") {
      devices.push_back(argv[i + 1]);
    }
  }
  EXPECT_THAT(devices,
              ElementsAre("name=wan;role=underlay;device=net_af_packet0,iface=eth1;mtu=1500;"
                          "twin-fd=5",
                          "name=lan;role=inside;device=0000:3b:00.1;mtu=9000;twin-fd=6",
                          "name=wg0;tun-fd=7", "name=wg1;tun-fd=8"));
}

TEST(Arguments, WorkersOnlyWhenAskedFor) {
  config::Config config;
  EXPECT_THAT(dataplane_argv(config, {}), Not(Contains("--workers")));
  config.dataplane.workers = 2;
  EXPECT_THAT(dataplane_argv(config, {}), IsSupersetOf({"--workers", "2"}));
}

TEST(TunnelRoutes, FollowThePolicyAndNeverTakeTheDefaultRouteUnasked) {
  config::Config config = two_tunnels();
  const Claims claims = claims_of(config);
  EXPECT_THAT(tunnel_routes(config, claims),
              ElementsAre(TunnelRoute{0, prefix("10.2.0.0/16"), 0},
                          TunnelRoute{0, prefix("10.3.0.0/16"), 0},
                          TunnelRoute{1, prefix("2001:db8::/32"), 0}));
  config.wireguard[0].routes = config::RoutePolicy::none;
  EXPECT_THAT(tunnel_routes(config, claims),
              ElementsAre(TunnelRoute{1, prefix("10.2.0.0/16"), 0},
                          TunnelRoute{1, prefix("2001:db8::/32"), 0}));
  config.wireguard[0].routes = config::RoutePolicy::all;
  EXPECT_THAT(tunnel_routes(config, claims),
              Contains(TunnelRoute{0, prefix("0.0.0.0/0"), kDefaultRouteMetric}));
}

TEST(TunnelRoutes, BlackholesCoverEveryPrefixButTheDefaultRoute) {
  config::Config config = two_tunnels();
  config.wireguard[0].routes = config::RoutePolicy::none;
  const Claims claims = claims_of(config);
  EXPECT_THAT(blackhole_prefixes(claims),
              testing::UnorderedElementsAre(prefix("10.2.0.0/16"), prefix("10.3.0.0/16"),
                                            prefix("2001:db8::/32")));
  EXPECT_FALSE(needs_blackhole(prefix("0.0.0.0/0"), claims));
  EXPECT_FALSE(needs_blackhole(prefix("10.4.0.0/16"), claims));
}

broker::TunnelPrefixes part(std::uint16_t interface, std::initializer_list<const char*> claimed,
                            bool last) {
  broker::TunnelPrefixes result;
  result.interface = interface;
  result.last = last ? 1 : 0;
  for (const std::string text : claimed) {
    const bool gone = text.starts_with('-');
    const config::Prefix one = prefix(text.c_str() + (gone ? 1 : 0));
    result.prefixes.at(result.count++) = {one.address, one.length,
                                          gone ? std::uint8_t{0} : std::uint8_t{1}};
  }
  return result;
}

TEST(ClaimParts, AreOneClaimWithTheLastOfThem) {
  const Claims in_force = claims_of(two_tunnels());
  ClaimParts parts;
  auto claim = parts.take(part(0, {"10.4.0.0/16"}, false), in_force);
  ASSERT_TRUE(claim && !*claim) << "more is to come";
  claim = parts.take(part(0, {"-10.3.0.0/16", "-10.9.0.0/16"}, true), in_force);
  ASSERT_TRUE(claim && *claim);
  EXPECT_EQ((*claim)->interface, 0U);
  EXPECT_THAT((*claim)->prefixes,
              ElementsAre(prefix("0.0.0.0/0"), prefix("10.2.0.0/16"), prefix("10.4.0.0/16")));
  // A new control says all, whatever its predecessor had begun to say.
  ASSERT_TRUE(parts.take(part(1, {"10.7.0.0/16"}, false), in_force));
  parts.forget();
  broker::TunnelPrefixes whole = part(1, {"10.8.0.0/16"}, true);
  whole.whole = 1;
  claim = parts.take(whole, in_force);
  ASSERT_TRUE(claim && *claim);
  EXPECT_THAT((*claim)->prefixes, ElementsAre(prefix("10.8.0.0/16")));
  EXPECT_FALSE(parts.take(part(2, {}, true), in_force)) << "there is no such tunnel";
}

// A socket of another program at a port that the kernel chose for it.
struct OtherProgram {
  OtherProgram() {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    socklen_t size = sizeof(any);
    fd = UniqueFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&any), size), 0);
    EXPECT_EQ(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&any), &size), 0);
    port = ntohs(any.sin_port);
  }
  // Whether it can have that port too.
  [[nodiscard]] bool can_have(std::uint16_t wanted) const {
    const UniqueFd more(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_port = htons(wanted);
    return bind(more.get(), reinterpret_cast<const sockaddr*>(&any), sizeof(any)) == 0;
  }
  UniqueFd fd;
  std::uint16_t port = 0;
};

TEST(PortGuards, ANotherProgramAndATunnelDoNotHaveOnePort) {
  const OtherProgram other;
  std::uint16_t ours = 0;
  {
    const OtherProgram passing;  // a port that is free once it is gone
    ours = passing.port;
  }
  const std::array loopback{1};
  PortGuards guards;
  auto taken = guards.hold({ours}, loopback);
  ASSERT_TRUE(taken && !*taken) << taken.error().message;
  EXPECT_FALSE(other.can_have(ours)) << "whoever comes later is told";
  taken = guards.hold({ours, other.port}, loopback);
  ASSERT_TRUE(taken && *taken);
  EXPECT_EQ(**taken, other.port);
  EXPECT_EQ(guards.size(), 1U) << "what was held still is";
  PortGuards second;  // another gateway on the same device
  taken = second.hold({ours}, loopback);
  EXPECT_TRUE(taken && *taken == ours);
  taken = guards.hold({}, loopback);
  ASSERT_TRUE(taken && !*taken);
  EXPECT_TRUE(other.can_have(ours));
}

Leftovers leftovers() {
  MutedDevice device{.name = "eth1",
                     .index = 7,
                     .flags = 0x1043,
                     .mtu = 9000,
                     .ipv6 = true,
                     .gro = true,
                     .lro = false,
                     .xdp = false,
                     .table = "gotthard_mute_7",
                     .addresses = {{0x02, 0x18, 0xff}, {}},
                     .routes = {{0x00}}};
  return {.boot_id = "b",
          .namespace_id = 4026531840,
          .muted = {device},
          .blackholes = {{prefix("10.2.0.0/16"), kBlackholeMetric}, {prefix("2001:db8::/32"), 7}},
          .hugepages = 348};
}

TEST(LeftoversRecord, ComesBackFromItsFile) {
  const TemporaryDirectory directory;
  EXPECT_FALSE(load(directory.path())->has_value());
  ASSERT_TRUE(save(leftovers(), directory.path()).has_value());
  const auto loaded = load(directory.path());
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(**loaded, leftovers());
  EXPECT_FALSE(leftovers().empty());
  forget(directory.path());
  EXPECT_FALSE(load(directory.path())->has_value());
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(LeftoversRecord, DamagedOnesAreRefusedWithTheFilesName) {
  const TemporaryDirectory directory;
  const std::string good = to_json(leftovers());
  for (std::size_t size = 0; size + 2 < good.size(); size += 7) {
    EXPECT_FALSE(leftovers_from_json(good.substr(0, size)).has_value()) << size;
  }
  for (const auto& [from, to] :
       {std::pair{"\"format\": 2", "\"format\": 1"}, std::pair{"0218ff", "0218fg"},
        std::pair{"0218ff", "0218f"}, std::pair{"10.2.0.0/16", "10.2.0.1/16"},
        std::pair{"\"index\": 7", "\"index\": \"7\""}, std::pair{"\"index\": 7", "\"index\": 7.5"},
        std::pair{"\"index\": 7", "\"index\": 70000000000"},
        std::pair{"\"index\": 7", "\"index\": 27000000000000000000000000000000000000000000295"}}) {
    std::string bad = good;
    ASSERT_NE(bad.find(from), std::string::npos) << from;
    bad.replace(bad.find(from), std::string_view(from).size(), to);
    EXPECT_FALSE(leftovers_from_json(bad).has_value()) << to;
  }
  std::ofstream(directory.path() + "/leftovers.json") << "{}";
  const auto loaded = load(directory.path());
  ASSERT_FALSE(loaded.has_value());
  EXPECT_THAT(loaded.error().message, HasSubstr(directory.path() + "/leftovers.json"));
}

TEST(RestartPolicy, FirstAtOnceThenSlowerThenNotAtAll) {
  RestartPolicy policy;
  Nanoseconds now = 1000 * kSecond;
  EXPECT_EQ(policy.after_death(now), 0U);
  Nanoseconds last = 0;
  for (std::size_t i = 1; i < RestartPolicy::kMostPerMinute; ++i) {
    const auto pause = policy.after_death(now += kSecond);
    ASSERT_TRUE(pause.has_value());
    EXPECT_GT(*pause, last);
    last = *pause;
  }
  EXPECT_FALSE(policy.after_death(now += kSecond).has_value());
  EXPECT_EQ(policy.after_death(now + 120 * kSecond), 0U) << "a quiet minute is forgiven";
}

TEST(RateLimit, AllowsABurstThenTheRate) {
  RateLimit limit(10, 3);
  Nanoseconds now = 100 * kSecond;
  EXPECT_TRUE(limit.allow(now));
  EXPECT_TRUE(limit.allow(now));
  EXPECT_TRUE(limit.allow(now));
  EXPECT_FALSE(limit.allow(now));
  EXPECT_FALSE(limit.allow(now += 99 * kMillisecond));
  EXPECT_TRUE(limit.allow(now += 2 * kMillisecond));
  EXPECT_FALSE(limit.allow(now));
}

TEST(Neighbours, OnlyOneStationsAddressesAreAskedFor) {
  for (const char* good : {"10.1.0.9", "169.254.1.1", "2001:db8::1", "fe80::1", "::2"}) {
    EXPECT_TRUE(may_be_neighbour(*config::parse_address(good))) << good;
  }
  for (const char* bad :
       {"0.0.0.0", "127.0.0.1", "224.0.0.5", "255.255.255.255", "::", "::1", "ff02::1"}) {
    EXPECT_FALSE(may_be_neighbour(*config::parse_address(bad))) << bad;
  }
  EXPECT_FALSE(may_be_neighbour({}));
}

TEST(Mac, IsStableLocalAndUnicast) {
  EXPECT_EQ(stable_mac("machine", "wan"), stable_mac("machine", "wan"));
  EXPECT_NE(stable_mac("machine", "wan"), stable_mac("machine", "lan"));
  EXPECT_NE(stable_mac("machine", "wan"), stable_mac("other", "wan"));
  EXPECT_EQ(stable_mac("machine", "wan")[0] & 3, 2);
}

TEST(RunDirectory, BelongsToOneGateway) {
  const TemporaryDirectory directory;
  const std::string run = directory.path() + "/run";
  const std::string state = directory.path() + "/deep/state";
  bool running = false;
  {
    const auto first = RunDir::claim(run, state, &running);
    ASSERT_TRUE(first.has_value()) << first.error().message;
    EXPECT_EQ(*running_supervisor(run), getpid());
    const auto second = RunDir::claim(run, directory.path() + "/other", &running);
    ASSERT_FALSE(second.has_value());
    EXPECT_TRUE(running);
    EXPECT_THAT(second.error().message, HasSubstr(std::to_string(getpid())));
    EXPECT_FALSE(RunDir::claim(directory.path() + "/run2", state, &running).has_value());
    EXPECT_TRUE(running) << "one state directory, one gateway";
  }
  EXPECT_FALSE(std::filesystem::exists(run));
  EXPECT_FALSE(running_supervisor(run)->has_value());
  std::filesystem::create_directory(run);  // the operator's: it stays
  // A data plane's that was killed as it started: it goes.
  std::filesystem::create_directories(run + "/" + kDpdkDir + "/gotthard-1");
  {
    const auto claimed = RunDir::claim(run, state, &running);
    EXPECT_TRUE(claimed.has_value());
    EXPECT_FALSE(std::filesystem::exists(run + "/" + kDpdkDir));
    std::filesystem::create_directories(run + "/" + kDpdkDir + "/gotthard-2");
  }
  EXPECT_TRUE(std::filesystem::is_empty(run));
}

TEST(RunDirectory, NameTooLongForASocketIsSaid) {
  const TemporaryDirectory directory;
  bool running = false;
  auto claimed = RunDir::claim(directory.path() + "/" + std::string(100, 'x'),
                               directory.path() + "/state", &running);
  ASSERT_TRUE(claimed.has_value());
  const auto listener = claimed->listen_control();
  ASSERT_FALSE(listener.has_value());
  EXPECT_THAT(listener.error().message, HasSubstr("too long"));
}

// A clone in /root: control's user has no way there.
TEST(Process, StartsWhatItsUserHasNoWayTo) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "needs root to become another user";
  }
  std::string folder = "/tmp/gotthard-process-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);  // nobody else may enter
  const std::string program = folder + "/program";
  std::filesystem::copy_file("/bin/true", program);
  auto process = spawn({program}, {}, [] {
    return setgid(65534) == 0 && setuid(65534) == 0 ? Status() : fail("setuid");
  });
  ASSERT_TRUE(process.has_value()) << process.error().message;
  pollfd ended{.fd = process->pidfd.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&ended, 1, 10'000), 1);
  EXPECT_THAT(reap(*process).value_or(""), Eq("exit status 0"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace gotthard::supervisor
