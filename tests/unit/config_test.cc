#include "control/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/config_whole.h"

namespace gotthard::config {
namespace {

using testing::HasSubstr;

std::string error_of(const std::string& text) {
  const auto config = parse(text, "/etc/gotthard/a.toml");
  return config ? "(accepted)" : config.error().message;
}

TEST(Config, ReadsEverything) {
  const auto config = parse(kWhole, "/etc/gotthard/a.toml");
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->dataplane.workers, 2U);
  EXPECT_EQ(config->dataplane.hugepages, Hugepages::never);
  EXPECT_EQ(config->dataplane.idle, Idle::poll);
  EXPECT_EQ(config->dataplane.spread, Spread::always);
  EXPECT_EQ(config->log.level, log::Level::debug);
  ASSERT_EQ(config->ports.size(), 2U);
  EXPECT_EQ(config->ports[0].role, Role::underlay);
  EXPECT_EQ(config->ports[0].kernel_device(), "veth-wan");
  EXPECT_EQ(config->ports[1].kernel_device(), "");
  EXPECT_EQ(to_string(config->ports[0].addresses[1]), "2001:db8::1/64");
  ASSERT_EQ(config->routes.size(), 1U);
  EXPECT_EQ(to_string(*config->routes[0].via), "192.0.2.254");
  ASSERT_EQ(config->wireguard.size(), 1U);
  const WireGuard& wg = config->wireguard[0];
  EXPECT_EQ(wg.private_key_file, "/etc/gotthard/wg0.key");
  EXPECT_TRUE(wg.copy_dscp && wg.mss_clamp);
  EXPECT_EQ(wg.mtu, 1420);
  EXPECT_EQ(wg.listen_port, 51821);
  ASSERT_EQ(wg.peers.size(), 1U);
  EXPECT_EQ(wg.peers[0].preshared_key_file, "/keys/b.psk");
  EXPECT_EQ(wg.peers[0].endpoint->host, "2001:db8::2");
  EXPECT_EQ(wg.peers[0].endpoint->port, 51820);
  EXPECT_TRUE(wg.peers[0].endpoint->address.has_value());
  EXPECT_EQ(to_string(wg.peers[0].allowed_ips[1]), "172.31.0.2/32");
  EXPECT_EQ(key_to_string(wg.peers[0].public_key), "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=");
}

// What an operator copies from there is accepted.
TEST(Config, TheReadmesSamplesAreAccepted) {
  std::ifstream file(GOTTHARD_README);
  const std::string readme((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
  constexpr std::string_view kBegin = "```toml\n";
  std::size_t samples = 0;
  for (auto at = readme.find(kBegin); at != std::string::npos; at = readme.find(kBegin, at)) {
    at += kBegin.size();
    const std::string sample = readme.substr(at, readme.find("```", at) - at);
    EXPECT_EQ(error_of(sample), "(accepted)") << sample;
    ++samples;
  }
  EXPECT_GE(samples, 1U) << "in " GOTTHARD_README;
}

struct Bad {
  std::string from, to, error;
};

class BadConfig : public testing::TestWithParam<Bad> {};

TEST_P(BadConfig, IsRefusedWithLineAndAdvice) {
  const Bad& bad = GetParam();
  EXPECT_THAT(error_of(with(bad.from, bad.to)), HasSubstr(bad.error));
}

INSTANTIATE_TEST_SUITE_P(
    Everything, BadConfig,
    testing::Values(
        Bad{"workers = 2", "worker = 2",
            ":2: [dataplane] has no key 'worker': did you mean 'workers'?"},
        Bad{"workers = 2", "workers = \"2\"",
            ":2: 'workers' in [dataplane] must be a whole number"},
        Bad{"workers = 2", "workers = 0", "a whole number from 1 to 64"},
        Bad{"workers = 2", "workers = 2\ncores = [1]", "contradict each other"},
        Bad{"workers = 2", "cores = [1, 1]", "names 1 twice"},
        Bad{"workers = 2", "cores = [1, \"2\"]", "whole numbers"},
        Bad{"\"never\"", "\"no\"", "must be one of \"auto\", \"never\", \"required\""},
        Bad{"[log]", "[logs]", "has no key 'logs': did you mean 'log'?"},
        Bad{"name = \"wan\"", "name = \"a name\"", "'a name' is no name for an interface"},
        Bad{"name = \"wan\"", "name = \"lan\"", "two interfaces are named 'lan'"},
        Bad{"name = \"wan\"", "name = \"veth-wan\"", "give the port another name"},
        Bad{"name = \"wan\"\n", "", "[[port]] needs 'name'"},
        Bad{"role = \"underlay\"", "role = \"outside\"", "must be one of \"underlay\", \"inside\""},
        Bad{"role = \"underlay\"\n", "", "[[port]] needs 'role'"},
        Bad{"net_af_packet0,iface=veth-wan", "net_af_packet0", "write net_af_packet0,iface=NAME"},
        Bad{"net_af_packet0,iface=veth-wan", "net_ring0;x", "must be a PCI address"},
        Bad{"192.0.2.1/24", "192.0.2.1", "has no prefix length"},
        Bad{"192.0.2.1/24", "192.0.2.1/33", "prefix length from 0 to 32"},
        Bad{"192.0.2.1/24", "10.1.0.1/24", "10.1.0.1 is given twice"},
        Bad{"via = \"192.0.2.254\"", "via = \"2001:db8::9\"", "different IP versions"},
        Bad{"via = \"192.0.2.254\"\n", "", "needs one of via"},
        Bad{"via = \"192.0.2.254\"", "interface = \"wg9\"", "leads to interface 'wg9'"},
        Bad{"\"0.0.0.0/0\"", "\"10.0.0.1/8\"", "write 10.0.0.0/8"},
        Bad{"listen_port = 51821", "listen_port = 70000", "a whole number from 1 to 65535"},
        Bad{"private_key_file = \"wg0.key\"\n", "", "needs 'private_key_file'"},
        Bad{"name = \"region-b\"", "name = \"b/c\"", "'b/c' is no peer's name"},
        Bad{"xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=", "abc", "this is no key"},
        Bad{"[2001:db8::2]:51820", "2001:db8::2:51820", "write [ADDRESS]:PORT"},
        Bad{"[2001:db8::2]:51820", "host", "has no port"},
        Bad{"[2001:db8::2]:51820", "ho st:1", "neither an address nor a host name"},
        Bad{"[2001:db8::2]:51820", "host:0", "port from 1 to 65535"},
        Bad{"10.2.0.0/16", "10.2.0.1/16", "write 10.2.0.0/16"},
        Bad{"persistent_keepalive = 25", "persistent_keepalive = -1", "from 0 to 65535"},
        Bad{"persistent_keepalive = 25", "keepalive = 25", "'keepalive'"},
        Bad{"mss_clamp = true", "mss_clamp = 1",
            "'mss_clamp' in [[wireguard]] must be true or false"},
        Bad{"dscp = \"copy\"", "dscp = \"keep\"", "'dscp'"},
        Bad{"dscp = \"copy\"", "source_ports = 65", "from 1 to 64"},
        Bad{"listen_port = 51821", "listen_port = 65530\nsource_ports = 16", "beyond port 65535"},
        Bad{"workers = 2", "workers = = 2", ":2: "},
        Bad{"workers = 2", "cores = []", ":2: 'cores' is empty"},
        Bad{"workers = 2", "workers = 2.0", "must be a whole number"},
        Bad{"workers = 2", "workers = true", "must be a whole number"},
        Bad{"workers = 2", "workers = 2\nworkers = 3", ":3: "},
        Bad{"workers = 2", "mbufs = 1", "from 4096"},
        Bad{"workers = 2", "replay_window = 32", "from 1024"},
        // A mistyped required key is named as what it is, not as missing.
        Bad{"role = \"underlay\"", "rol = \"underlay\"",
            ":10: [[port]] has no key 'rol': did you mean 'role'?"},
        Bad{"private_key_file", "privat_key_file", "did you mean 'private_key_file'?"},
        Bad{"public_key =", "pubkey =", "has no key 'pubkey': known keys are"},
        Bad{"name = \"wan\"", "name = \"wg%d\"", "is no name for an interface"},
        Bad{"name = \"wan\"", "name = \"a;role=inside\"", "is no name for an interface"},
        Bad{"name = \"wan\"", "name = \"all\"", "is no name for an interface"},
        Bad{"name = \"wan\"", "name = \"-wan\"", "is no name for an interface"},
        Bad{"name = \"wan\"", "name = \"\"", "is no name for an interface"},
        Bad{"name = \"wan\"", "name = \"sixteen-letters-\"", "write at most 15"},
        Bad{"name = \"lan\"", "name = \"veth-wan\"", "write another name there"},
        Bad{"name = \"wg0\"", "name = \"wan\"", "two interfaces are named 'wan'"},
        Bad{"name = \"wg0\"", "name = 7", ":22: 'name' in [[wireguard]] must be text"},
        Bad{"0000:3b:00.1", "eth0", "device 'eth0' must be a PCI address"},
        Bad{"0000:3b:00.1", "net_af_packet0,iface=b", "'net_af_packet0' belongs to another port"},
        Bad{"0000:3b:00.1", "net_af_packet1,iface=veth-wan", "'veth-wan' belongs to another port"},
        Bad{"192.0.2.1/24", "192.0.2.0/24",
            "names the network, not an address in it: write "
            "192.0.2.1/24"},
        Bad{"192.0.2.1/24", "0.0.0.0/24", "no address of one host"},
        Bad{"192.0.2.1/24", "224.0.0.5/24", "no address of one host"},
        Bad{"2001:db8::1/64", "2001:db8::/64", "write 2001:db8::1/64"},
        Bad{"2001:db8::1/64", "ff02::1/64", "no address of one host"},
        Bad{"[\"192.0.2.1/24\", \"2001:db8::1/64\"]", "\"192.0.2.1/24\"",
            "must be a list of texts"},
        Bad{"[\"192.0.2.1/24\", \"2001:db8::1/64\"]", "[1]", "each in quotes"},
        Bad{"[[route]]", "[route]", "write [[route]]"},
        Bad{"[dataplane]", "[[dataplane]]", "write [dataplane]"},
        Bad{"via = \"192.0.2.254\"", "via = \"192.0.2.1\"",
            ":18: [[route]] leads via 192.0.2.1, which "
            "is this gateway's own"},
        Bad{"via = \"192.0.2.254\"", "via = \"198.51.100.1\"", "in no network of any"},
        Bad{"via = \"192.0.2.254\"", "via = \"192.0.2.254\"\ninterface = \"wg0\"", "needs one of"},
        Bad{"public_key = \"xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=\"",
            "public_key = \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"", "is all zero"},
        Bad{"[2001:db8::2]:51820", "[]:51820", "neither an address nor a host name"},
        Bad{"[2001:db8::2]:51820", "[192.0.2.2]:51820", "no address of one host"},
        Bad{"[2001:db8::2]:51820", "[host]:51820", "neither an address nor a host name"},
        Bad{"[2001:db8::2]:51820", "192.0.2.256:51820", "neither an address nor a host name"},
        Bad{"[2001:db8::2]:51820", "0.0.0.0:51820", "no address of one host"},
        Bad{"[2001:db8::2]:51820", "host:65536", "port from 1 to 65535"},
        Bad{"[2001:db8::2]:51820", "host:51820 ", "port from 1 to 65535"},
        Bad{"\"172.31.0.2\"", "\"172.31.0.2\\u0000x\"", "no zero character"},
        Bad{"name = \"region-b\"", "name = \"region b\"", "is no peer's name"},
        Bad{"172.31.0.1/30", "10.1.0.1/30", "10.1.0.1 is given twice"}));

TEST(Config, NeedsAPort) {
  EXPECT_EQ(error_of(""),
            "/etc/gotthard/a.toml: no [[port]]: a gateway needs at least one, with name, role and "
            "device");
}

TEST(Config, LeavesHostNamesToTheResolver) {
  const auto config = parse(with("[2001:db8::2]:51820", "b_1.example-2.org:1"), "/a.toml");
  ASSERT_TRUE(config.has_value()) << config.error().message;
  const auto& endpoint = config->wireguard[0].peers[0].endpoint;
  EXPECT_EQ(endpoint->host, "b_1.example-2.org");
  EXPECT_FALSE(endpoint->address.has_value());
}

TEST(Config, AcceptsHostPrefixesAndPointToPointAddresses) {
  EXPECT_EQ(error_of(with("172.31.0.1/30", "172.31.0.0/31")), "(accepted)");
  EXPECT_EQ(error_of(with("172.31.0.1/30", "172.31.0.0/32")), "(accepted)");
  EXPECT_EQ(error_of(with("172.31.0.1/30", "fd00::/127")), "(accepted)");
}

TEST(Config, TakesAPciAddressInEveryNotation) {
  EXPECT_EQ(error_of(with("0000:3b:00.1", "3B:00.1")), "(accepted)");
  const std::string third = R"([[port]]
name = "third"
role = "inside"
device = "3B:00.1"
)";
  EXPECT_THAT(error_of(kWhole + third), HasSubstr("'0000:3b:00.1' belongs to another port"));
}

TEST(Config, RefusesTwoPeersWithOneKeyOrOneName) {
  const std::string same_key = R"([[wireguard.peer]]
name = "region-c"
public_key = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
)";
  EXPECT_THAT(error_of(kWhole + same_key),
              HasSubstr(":35: peers 'region-b' and 'region-c' of wg0 have the same public key"));
  const std::string same_name = R"([[wireguard.peer]]
name = "region-b"
public_key = "HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw="
)";
  EXPECT_THAT(error_of(kWhole + same_name), HasSubstr(":35: wg0 has two peers named 'region-b'"));
}

TEST(Config, OnePrefixIsRoutedIntoOneInterface) {
  const auto second = [](const std::string& routes) {
    return R"([[wireguard]]
name = "wg1"
listen_port = 51822
private_key_file = "wg1.key"
routes = ")" +
           routes +
           R"("
[[wireguard.peer]]
name = "region-b"
public_key = "HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw="
allowed_ips = ["0.0.0.0/0", "10.2.0.0/16"]
)";
  };
  EXPECT_THAT(error_of(kWhole + second("allowed_ips")),
              HasSubstr(":40: 10.2.0.0/16 would be routed into wg0 and into wg1"));
  EXPECT_EQ(error_of(kWhole + second("none")), "(accepted)");
}

TEST(Config, RefusesAPrefixAtTwoPeersOfOneInterface) {
  const std::string second = R"([[wireguard.peer]]
name = "region-c"
public_key = "HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw="
allowed_ips = ["10.2.0.0/16"]
)";
  EXPECT_THAT(error_of(kWhole + second),
              HasSubstr("10.2.0.0/16 is in allowed_ips of 'region-b' and of 'region-c' of wg0"));
}

TEST(Config, RefusesMorePrefixesThanThereIsRoomFor) {
  std::string many;
  for (int n = 0; n < 63; ++n) {
    many += fmt::format(", \"11.0.{}.0/24\"", n);
  }
  std::string text =
      with("allowed_ips = [\"10.2.0.0/16\"", "allowed_ips = [\"10.2.0.0/16\"" + many);
  text.replace(text.find("workers = 2"), 11, "workers = 2\nroutes = 64");
  EXPECT_THAT(error_of(text), HasSubstr(":29: with this peer there are 65 IPv4 prefixes in "
                                        "allowed_ips, and the tables are made for 64: write "
                                        "routes = 256 or more in [dataplane]"));
  text.replace(text.find("routes = 64"), 11, "routes = 65");
  EXPECT_EQ(error_of(text), "(accepted)");
}

TEST(Config, ARouteMayNameAVlanOfAPort) {
  for (const char* good : {"wan.1", "wan.100", "lan.4094"}) {
    EXPECT_EQ(error_of(with("via = \"192.0.2.254\"", fmt::format("interface = \"{}\"", good))),
              "(accepted)")
        << good;
  }
  for (const char* bad : {"wan.0", "wan.4095", "wan.x", "wan.", "wan.01", "eth0.1", "wg0.1"}) {
    EXPECT_THAT(error_of(with("via = \"192.0.2.254\"", fmt::format("interface = \"{}\"", bad))),
                HasSubstr("PORT.NUMBER for a VLAN"))
        << bad;
  }
}

TEST(Config, RefusesTwoListenersOnOnePort) {
  const std::string second = R"([[wireguard]]
name = "wg1"
listen_port = 51821
private_key_file = "wg1.key"
)";
  EXPECT_THAT(error_of(kWhole + second), HasSubstr("wg0 and wg1 both listen on port 51821"));
}

}  // namespace
}  // namespace gotthard::config
