#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "control/config/config.h"
#include "control/config/key_file.h"
#include "crypto/suite.h"
#include "tests/unit/config_text.h"

namespace gotthard::config {
namespace {

using testing::HasSubstr;

constexpr const char* kWhole = R"([[port]]
name = "wan"
role = "underlay"
device = "net_af_packet0,iface=veth-wan"
addresses = ["192.0.2.1/24"]
[[ipsec]]
name = "ipsec0"
addresses = ["172.31.1.1/30"]
mtu = "auto"
routes = "remote_ts"
[[ipsec.connection]]
name = "region-b"
local = { address = "192.0.2.1" }
remote = { address = "192.0.2.2" }
encapsulation = "auto"
lab = true
[[ipsec.connection.child]]
name = "net-b"
local_ts = ["10.1.0.0/16", "fd01::/64"]
remote_ts = ["10.2.0.0/16[tcp/80-90]"]
lab_keys = { suite = "aes256gcm16-esn", in_spi = "0x1001", in_key_file = "in.key", out_spi = "0x1002", out_key_file = "/keys/out.key" }
[[ipsec.connection]]
name = "region-c"
remote = { address = "2001:db8::3" }
encapsulation = "udp"
dont_fragment = "copy"
dscp = 10
allow_legacy = true
lab = true
[[ipsec.connection.child]]
name = "net-c"
local_ts = ["10.1.0.0/16"]
remote_ts = ["10.3.0.0/16"]
life_bytes = 1000000
lab_keys = { suite = "aes128-sha256", in_spi = "0x1003", in_key_file = "c.in", out_spi = "0x1004", out_key_file = "c.out" }
)";

std::string with(const std::string& from, const std::string& to) {
  return replaced(kWhole, from, to);
}

TEST(Ipsec, IsReadAsWritten) {
  const auto config = parse(kWhole, "/etc/g.toml");
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->ipsec.size(), 1U);
  const Ipsec& ipsec = config->ipsec[0];
  EXPECT_EQ(ipsec.routes, RoutePolicy::allowed_ips);
  EXPECT_EQ(ipsec.udp_port, 4500);
  ASSERT_EQ(ipsec.connections.size(), 2U);
  const Connection& b = ipsec.connections[0];
  EXPECT_EQ(b.reorder_budget, 32);
  EXPECT_EQ(b.encapsulation, Encapsulation::automatic);
  ASSERT_TRUE(b.local);
  EXPECT_EQ(to_string(*b.local), "192.0.2.1");
  const Child& child = b.children.at(0);
  EXPECT_FALSE(child.transport);
  EXPECT_EQ(child.local_ts.size(), 2U);
  EXPECT_EQ(to_string(child.remote_ts.at(0)), "10.2.0.0/16[tcp/80-90]");
  ASSERT_EQ(child.lab_keys.size(), 1U);
  EXPECT_EQ(child.lab_keys[0].in_spi, 0x1001U);
  EXPECT_EQ(child.lab_keys[0].in_key_file, "/etc/in.key");
  EXPECT_EQ(child.lab_keys[0].out_key_file, "/keys/out.key");
  EXPECT_TRUE(child.lab_keys[0].suite.extended);
  EXPECT_EQ(child.lab_keys[0].suite.suite, static_cast<std::uint8_t>(crypto::Suite::aes256_gcm));
  const Connection& c = ipsec.connections[1];
  EXPECT_EQ(c.dont_fragment, abi::DontFragment::copy);
  EXPECT_EQ(c.dscp, 10);
  EXPECT_EQ(c.children.at(0).life.bytes, 1'000'000U);
  // Region c: 40 of IPv6, 8 of UDP, 8, 16 of IV and 16 of ICV leave 1412, of which whole blocks.
  EXPECT_EQ(ipsec.mtu, 1408 - 2);
  EXPECT_EQ(tunnel_devices(*config).size(), 1U);
  EXPECT_EQ(remote_prefixes(ipsec).size(), 2U);
}

TEST(Ipsec, APeerMayHaveANameOrCallFirst) {
  const auto remote = [](const std::string& address) {
    return parse(with("remote = { address = \"2001:db8::3\" }",
                      "remote = { address = \"" + address + "\", port = 4501 }"),
                 "/etc/g.toml");
  };
  const auto any = remote("any");
  ASSERT_TRUE(any) << any.error().message;
  EXPECT_TRUE(any->ipsec[0].connections[1].remotes.empty());
  EXPECT_EQ(any->ipsec[0].connections[1].remote_port, 4501);
  EXPECT_EQ(any->ipsec[0].mtu, 1408 - 2) << "as over IPv6";
  const auto named = remote("gw.example.net");
  ASSERT_TRUE(named) << named.error().message;
  ASSERT_EQ(named->ipsec[0].connections[1].remotes.size(), 1U);
  EXPECT_EQ(named->ipsec[0].connections[1].remotes[0].name, "gw.example.net");
  const auto several =
      parse(with("{ address = \"2001:db8::3\" }",
                 "{ address = [\"2001:db8::3\", \"gw.example.net\", \"2001:db8::4\"] }"),
            "/etc/g.toml");
  ASSERT_TRUE(several) << several.error().message;
  const auto& places = several->ipsec[0].connections[1].remotes;
  ASSERT_EQ(places.size(), 3U);
  EXPECT_EQ(to_string(places[0].address), "2001:db8::3");
  EXPECT_EQ(places[1].name, "gw.example.net");
  EXPECT_EQ(to_string(places[2].address), "2001:db8::4");
}

TEST(Ipsec, AChildMayHaveAPairOfSasForEachWorker) {
  const std::string second =
      "{ suite = \"aes128gcm16\", in_spi = \"0x1011\", in_key_file = \"in2\", out_spi = "
      "\"0x1012\", "
      "out_key_file = \"out2\" }]";
  const std::string first =
      with("lab_keys = { suite = \"aes256gcm16-esn\"", "lab_keys = [{ suite = \"aes256gcm16-esn\"");
  const std::string text =
      std::string(first).replace(first.find("out.key\" }") + 10, 0, ", " + second);
  const auto config = parse(text, "/etc/g.toml");
  ASSERT_TRUE(config) << config.error().message;
  const auto& pairs = config->ipsec[0].connections[0].children[0].lab_keys;
  ASSERT_EQ(pairs.size(), 2U);
  EXPECT_EQ(pairs[1].in_spi, 0x1011U);
  EXPECT_TRUE(pairs[1].initiator);
  EXPECT_THAT(refusal(std::string(text).replace(text.find("0x1011"), 6, "0x1001")),
              HasSubstr("each has its own"));
}

TEST(Ipsec, FragmentsBeforeOrAfter) {
  EXPECT_FALSE(parse(kWhole, "/etc/g.toml")->ipsec[0].fragment_after);
  const auto after = parse(with("mtu = \"auto\"", "mtu = \"auto\"\nfragment = \"after\""), "/g");
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_TRUE(after->ipsec[0].fragment_after);
}

TEST(Ipsec, LabKeysAreCritical) {
  const auto config = parse(kWhole, "/etc/g.toml");
  ASSERT_TRUE(config);
  const auto findings = audit(*config);
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_THAT(findings[0], HasSubstr("region-b"));
}

TEST(Ipsec, Refusals) {
  const auto expect = [](const std::string& from, const std::string& to, const char* what) {
    EXPECT_THAT(refusal(with(from, to)), HasSubstr(what)) << from;
  };
  expect("encapsulation = \"auto\"\nlab = true", "encapsulation = \"auto\"", "lab = true");
  expect("allow_legacy = true\n", "", "allow_legacy = true");
  expect("0x1001", "0xff", "no SPI from");
  expect("0x1001", "0x10000", "no SPI from");
  expect("0x1003", "0x1001", "each has its own");
  expect("aes256gcm16-esn", "aes256gcm8", "is no suite");
  expect("10.3.0.0/16", "10.2.128.0/24", "name the same packets");
  expect("10.2.0.0/16[tcp/80-90]", "10.2.0.0/16[tcp/90-80]", "is no selector");
  expect("10.2.0.0/16[tcp/80-90]", "10.2.0.0/16[frob]", "is no selector");
  expect("remote_ts = [\"10.3.0.0/16\"]", "remote_ts = []", "local_ts and remote_ts");
  expect("name = \"net-c\"", "name = \"net-c\"\nmode = \"transport\"", "transport mode");
  expect("remote = { address = \"2001:db8::3\" }",
         "local = { address = \"192.0.2.1\" }\nremote = { address = \"2001:db8::3\" }",
         "two families");
  expect("remote = { address = \"2001:db8::3\" }", "", "has no remote");
  expect("2001:db8::3", "ff02::1", "no address of one host");
  expect("\"2001:db8::3\"", "[]", "an empty list");
  expect("\"2001:db8::3\"", "[\"2001:db8::3\", \"any\"]", "\"any\" alone");
  expect("2001:db8::3", "192.0.2.256", "no host's name");
  expect("{ address = \"192.0.2.2\" }\nencapsulation = \"auto\"",
         "{ address = \"any\" }\nencapsulation = \"none\"", "encapsulation = \"udp\"");
  expect("mtu = \"auto\"", "mtu = \"auto\"\nfragment = \"never\"", "fragment");
  expect("name = \"region-c\"", "name = \"region-b\"", "two connections");
  expect("name = \"ipsec0\"", "name = \"wan\"", "two interfaces");
  expect("encapsulation = \"udp\"", "encapsulation = \"tcp\"", "encapsulation");
  expect("dscp = 10", "dscp = 64", "dscp");
  expect("mtu = \"auto\"", "mtu = \"large\"", "mtu");
}

// The file and the line.
TEST(Ipsec, ErrorsNameTheLine) {
  EXPECT_THAT(refusal(with("10.3.0.0/16", "10.2.0.0/15")), HasSubstr("/etc/g.toml:"));
}

TEST(Ipsec, OverlapsOfOneConnectionAreItsOwnAffair) {
  EXPECT_EQ(refusal(with("[[ipsec.connection]]\nname = \"region-c\"", R"([[ipsec.connection.child]]
name = "net-b2"
local_ts = ["10.1.0.0/16"]
remote_ts = ["10.2.0.0/24"]
lab_keys = { suite = "aes256gcm16", in_spi = "0x1011", in_key_file = "b2.in", out_spi = "0x1012", out_key_file = "b2.out" }
[[ipsec.connection]]
name = "region-c")")),
            "");
}

TEST(Ipsec, TenThousandChildren) {
  std::string text = kWhole;
  text = text.substr(0, text.find("[[ipsec.connection]]"));
  for (int i = 0; i < 10'000; ++i) {
    text += fmt::format(R"([[ipsec.connection]]
name = "c{0}"
remote = {{ address = "192.0.2.2" }}
lab = true
[[ipsec.connection.child]]
name = "n"
local_ts = ["10.1.0.0/16"]
remote_ts = ["11.{1}.{2}.0/24"]
lab_keys = {{ suite = "aes128gcm16", in_spi = "{3:#x}", in_key_file = "i{0}", out_spi = "0x100", out_key_file = "o{0}" }}
)",
                        i, i / 256, i % 256, 0x1000 + i);
  }
  EXPECT_EQ(refusal(text), "");
}

TEST(LabKeyFiles, HoldTheKeyAndTheSaltInHexadecimal) {
  const auto directory = std::filesystem::temp_directory_path() / fmt::format("lab{}", getpid());
  std::filesystem::create_directory(directory);
  const std::string path = directory / "key";
  const auto read = [&](const std::string& text, std::size_t size) {
    std::ofstream(path) << text;
    chmod(path.c_str(), 0600);
    const auto fd = open_key_file(path);
    return read_lab_key(fd->get(), path, size);
  };
  const std::string hex(40, 'a');
  const auto key = read(hex + "\n", 20);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->bytes()[19], std::byte{0xaa});
  EXPECT_TRUE(read("0x" + hex, 20));
  EXPECT_FALSE(read(hex, 36));
  EXPECT_FALSE(read(hex + "00", 20));
  EXPECT_FALSE(read(std::string(40, 'g'), 20));
  EXPECT_FALSE(read("", 20));
  EXPECT_EQ(lab_key_size({.suite = static_cast<std::uint8_t>(crypto::Suite::aes256_gcm)}), 36U);
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace gotthard::config
