// Connections that IKE makes: read as written, refused with a line and what to write instead; and
// what their files must hold.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "control/config/audit_ike.h"
#include "control/config/config.h"
#include "tests/unit/config_text.h"

namespace gotthard::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kWhole = R"(
[[port]]
name = "wan"
role = "underlay"
device = "net_af_packet0,iface=veth-wan"
addresses = ["192.0.2.1/24"]
[[ipsec]]
name = "ipsec0"
addresses = ["172.31.1.1/30"]
[[ipsec.connection]]
name = "region-b"
local = { address = "192.0.2.1", id = "a.example", auth = "cert", cert_file = "a.pem", key_file = "a.key" }
remote = { address = "192.0.2.2", id = "b.example", auth = "cert", ca_files = ["ca.pem"], crl_files = ["/crl/ca.crl"] }
proposals = ["aes256gcm16-prfsha384-ecp384", "chacha20poly1305-prfsha256-x25519"]
rekey_time = "4h"
reauth_time = "2d"
dpd_delay = "10s"
fragmentation = true
unique = "replace"
[[ipsec.connection.child]]
name = "net-b"
local_ts = ["10.1.0.0/16"]
remote_ts = ["10.2.0.0/16"]
esp_proposals = ["aes256gcm16-x25519-esn"]
rekey_time = "30m"
rekey_packets = 1000000
start_action = "start"
dpd_action = "restart"
close_action = "trap"
[[ipsec.connection]]
name = "region-c"
local = { address = "192.0.2.1", psk_file = "c.psk" }
remote = { address = "192.0.2.3" }
[[ipsec.connection.child]]
name = "net-c"
local_ts = ["10.1.0.0/16"]
remote_ts = ["10.3.0.0/16"]
)";

std::string with(const std::string& from, const std::string& to) {
  return replaced(kWhole, from, to);
}

TEST(IkeConfig, IsReadAsWritten) {
  const auto config = parse(kWhole, "/etc/g.toml");
  ASSERT_TRUE(config) << config.error().message;
  const Connection& b = config->ipsec.at(0).connections.at(0);
  ASSERT_TRUE(b.ike);
  EXPECT_EQ(b.ike->local.id, "a.example");
  EXPECT_EQ(b.ike->local.auth, IkeAuth::certificate);
  EXPECT_THAT(b.ike->local.cert_files, ElementsAre("/etc/a.pem"));
  EXPECT_EQ(b.ike->local.key_file, "/etc/a.key");
  EXPECT_THAT(b.ike->remote.ca_files, ElementsAre("/etc/ca.pem"));
  EXPECT_THAT(b.ike->remote.crl_files, ElementsAre("/crl/ca.crl"));
  EXPECT_EQ(b.ike->proposals.size(), 2U);
  EXPECT_EQ(b.ike->rekey_time, 4U * 3600);
  EXPECT_EQ(b.ike->over_time, 4U * 360);
  EXPECT_EQ(b.ike->reauth_time, 2U * 86400);
  EXPECT_EQ(b.ike->dpd_delay, 10U);
  EXPECT_EQ(b.ike->unique, Unique::replace);
  const Child& child = b.children.at(0);
  EXPECT_EQ(child.rekey.seconds, 1800U);
  EXPECT_EQ(child.rekey.packets, 1'000'000U);
  EXPECT_EQ(child.start_action, ChildAction::start);
  EXPECT_EQ(child.dpd_action, ChildAction::start);
  EXPECT_EQ(child.close_action, ChildAction::trap);
  const Connection& c = config->ipsec[0].connections.at(1);
  EXPECT_EQ(c.ike->local.auth, IkeAuth::psk);
  EXPECT_EQ(c.ike->remote.auth, IkeAuth::psk) << "by the other end's file";
  EXPECT_EQ(c.children.at(0).start_action, ChildAction::none);
  EXPECT_TRUE(speaks_ike(config->ipsec[0]));
  // 20 of IPv4, 8 of UDP, 8, 8 of IV and 16 of ICV leave 1440, of which two are the trailer's.
  EXPECT_EQ(config->ipsec[0].mtu, 1440 - 2);
}

TEST(IkeConfig, WaysToAuthenticateMustBeWhole) {
  const std::string c = "psk_file = \"c.psk\" }";
  EXPECT_THAT(refusal(with(", " + c, " }")), HasSubstr("psk_file in local and remote"));
  EXPECT_THAT(refusal(with("address = \"192.0.2.1\", " + c, c)), HasSubstr("who we are"));
  EXPECT_THAT(refusal(with(", key_file = \"a.key\"", "")), HasSubstr("cert_file and key_file"));
  EXPECT_THAT(refusal(with("auth = \"cert\", cert_file", "auth = \"psk\", cert_file")),
              HasSubstr("psk_file"));
  EXPECT_THAT(refusal(with(", ca_files = [\"ca.pem\"]", "")), HasSubstr("write ca_files"));
  EXPECT_THAT(refusal(with("id = \"b.example\", ", "")), HasSubstr("id = \"b.example\" in remote"));
  EXPECT_THAT(refusal(with("auth = \"cert\", ca", "auth = \"eap\", ca")),
              HasSubstr("'eap' is no way to authenticate"));
  EXPECT_EQ(refusal(with("auth = \"cert\", cert_file", "auth = \"rsa/pss-sha384\", cert_file")),
            "");
  EXPECT_THAT(refusal(with("a.example", "bad id@@=")), HasSubstr("/etc/g.toml:12: 'id'"));
}

TEST(IkeConfig, ProposalsAreSwanctls) {
  EXPECT_THAT(refusal(with("aes256gcm16-prfsha384-ecp384", "aes256gcm16-prfsha384")),
              HasSubstr("'region-b' proposals"));
  EXPECT_THAT(refusal(with("aes256gcm16-x25519-esn", "3des-sha1")),
              HasSubstr("'region-b/net-b' esp_proposals"));
  EXPECT_THAT(refusal(with("aes256gcm16-x25519-esn", "aes128-sha256")), HasSubstr("allow_legacy"));
}

TEST(IkeConfig, TimesHaveUnits) {
  EXPECT_EQ(refusal(with("\"4h\"", "3600")), "");
  EXPECT_THAT(refusal(with("\"4h\"", "\"4 hours\"")), HasSubstr("is no time: write 90"));
  EXPECT_THAT(refusal(with("\"4h\"", "\"\"")), HasSubstr("is no time"));
  EXPECT_THAT(refusal(with("\"4h\"", "\"99999999999999999999h\"")), HasSubstr("is no time"));
  EXPECT_THAT(refusal(with("\"4h\"", "-1")), HasSubstr("rekey_time"));
  EXPECT_THAT(refusal(with("rekey_packets = 1000000", "life_time = \"20m\"")),
              HasSubstr("before it is renewed"));
}

TEST(IkeConfig, LabKeysAndIkeDoNotGoTogether) {
  EXPECT_THAT(refusal(with("dpd_delay = \"10s\"", "lab = true")), HasSubstr("no IKE then"));
}

TEST(IkeConfig, PeersHaveAddressesAndNames) {
  const auto config = parse(
      with("address = \"192.0.2.3\"", "address = [\"gw.example\", \"192.0.2.3\"]"), "/etc/g.toml");
  ASSERT_TRUE(config) << config.error().message;
  const Connection& c = config->ipsec.at(0).connections.at(1);
  EXPECT_TRUE(c.by_name());
  EXPECT_EQ(c.remotes.at(0).name, "gw.example");
  EXPECT_FALSE(config->ipsec[0].connections[0].by_name());
}

class IkeFiles : public testing::Test {
 protected:
  void SetUp() override {
    directory_ =
        std::filesystem::path(testing::TempDir()) / ("ike-files-" + std::to_string(getpid()));
    std::filesystem::create_directories(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string write(const std::string& name, const std::string& text, mode_t mode = 0600) {
    const auto path = directory_ / name;
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
    return path;
  }
  static Connection by_psk(const std::string& file) {
    Connection connection{.name = "c"};
    connection.ike.emplace();
    connection.ike->local.psk_file = file;
    connection.ike->local.id = "a.example";
    return connection;
  }
  static std::string error_of(const Connection& connection) {
    const auto read = load_ike_credentials(connection);
    return read ? "" : read.error().message;
  }
  static std::string psk_of(const Connection& connection) {
    const auto read = load_ike_credentials(connection);
    EXPECT_TRUE(read);
    const auto bytes = read ? read->remote_psk.bytes() : std::span<const std::byte>();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  std::filesystem::path directory_;
};

TEST_F(IkeFiles, SharedKeysAreTextHexOrBase64) {
  EXPECT_EQ(psk_of(by_psk(write("text", "correct horse\n"))), "correct horse");
  EXPECT_EQ(psk_of(by_psk(write("hex", "0x414243\n"))), "ABC");
  EXPECT_EQ(psk_of(by_psk(write("base64", "0sQUJDRA==\n"))), "ABCD");
  EXPECT_THAT(error_of(by_psk(write("bad", "0x4142zz\n"))), HasSubstr("hexadecimal"));
  EXPECT_THAT(error_of(by_psk(write("empty", "\n"))), HasSubstr("openssl rand"));
  EXPECT_THAT(error_of(by_psk(write("open", "secret", 0644))), HasSubstr("chmod 600"));
  EXPECT_THAT(error_of(by_psk((directory_ / "none").string())), HasSubstr("none"));
}

TEST_F(IkeFiles, CertificatesMustBeSuch) {
  Connection connection{.name = "c"};
  connection.ike.emplace();
  connection.ike->local.auth = IkeAuth::certificate;
  connection.ike->remote.auth = IkeAuth::psk;
  connection.ike->remote.psk_file = write("psk", "0x00112233445566778899aabbccddeeff");
  connection.ike->local.cert_files = {write("a.pem", "no certificate", 0644)};
  connection.ike->local.key_file = write("a.key", "no key");
  EXPECT_THAT(error_of(connection), HasSubstr("a.pem"));
  EXPECT_EQ(ike_files(connection).size(), 3U);
  EXPECT_TRUE(ike_files(connection)[0].secret && ike_files(connection)[1].secret);
  EXPECT_FALSE(ike_files(connection)[2].secret);
}

TEST_F(IkeFiles, AdviceIsGiven) {
  Connection connection = by_psk(write("short", "1234"));
  connection.children.push_back({.name = "nets"});
  connection.children[0].rekey.seconds = 0;
  const auto credentials = load_ike_credentials(connection);
  ASSERT_TRUE(credentials);
  EXPECT_THAT(audit_ike("i/c", connection, *credentials, 0),
              ElementsAre(HasSubstr("has 4 bytes"), HasSubstr("'nets' are never renewed")));
  connection.ike->local.psk_file = write("long", "0x00112233445566778899aabbccddeeff");
  connection.children[0].rekey.seconds = 3600;
  const auto better = load_ike_credentials(connection);
  ASSERT_TRUE(better);
  EXPECT_THAT(audit_ike("i/c", connection, *better, 0), IsEmpty());
}

}  // namespace
}  // namespace gotthard::config
