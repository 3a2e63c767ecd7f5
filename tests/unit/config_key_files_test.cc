// Keys are read with the configuration that names their files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "control/config/config.h"
#include "tests/unit/config_whole.h"

namespace gotthard::config {
namespace {

using testing::HasSubstr;

class KeyFiles : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/gotthard-config-XXXXXX";
    directory_ = mkdtemp(pattern);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string write(const std::string& name, const std::string& text, mode_t mode) {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
    return path;
  }
  std::string load_error() {
    const std::string path = write("a.toml", with("/keys/b.psk", "b.psk"), 0644);
    const auto config = load(path);
    return config ? "(accepted)" : config.error().message;
  }

  static constexpr const char* kKey = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\n";
  std::string directory_;
};

TEST_F(KeyFiles, AreReadWithTheConfiguration) {
  write("wg0.key", kKey, 0600);
  write("b.psk", kKey, 0400);
  EXPECT_EQ(load_error(), "(accepted)");
}

TEST_F(KeyFiles, MustExist) {
  write("wg0.key", kKey, 0600);
  EXPECT_THAT(load_error(),
              testing::AllOf(HasSubstr("a.toml:31: "), HasSubstr("b.psk: No such file")));
}

TEST_F(KeyFiles, MustBePrivate) {
  write("wg0.key", kKey, 0640);
  write("b.psk", kKey, 0600);
  EXPECT_THAT(load_error(), testing::AllOf(HasSubstr("a.toml:24: "), HasSubstr("chmod 600")));
}

TEST_F(KeyFiles, MustHoldAKeyAndDoNotShowIt) {
  write("wg0.key", "c2VjcmV0\n", 0600);
  write("b.psk", kKey, 0600);
  const std::string error = load_error();
  EXPECT_THAT(error, HasSubstr("holds no key"));
  EXPECT_THAT(error, testing::Not(HasSubstr("c2VjcmV0")));
}

TEST_F(KeyFiles, OwnPublicKeyIsNoPeer) {
  // RFC 7748, 6.1: Alice's private key, whose public key becomes the peer's.
  write("wg0.key", "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=\n", 0600);
  write("b.psk", kKey, 0600);
  const std::string path = write("a.toml",
                                 with("xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=",
                                      "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="),
                                 0644);
  const auto config = load(path);
  ASSERT_FALSE(config.has_value());
  EXPECT_THAT(config.error().message,
              HasSubstr("a.toml:30: peer 'region-b' of wg0 has the interface's own "
                        "public key"));
}

TEST_F(KeyFiles, AMissingConfigurationIsNamed) {
  const auto config = load(directory_ + "/none.toml");
  ASSERT_FALSE(config.has_value());
  EXPECT_THAT(config.error().message, HasSubstr("none.toml: No such file"));
}

}  // namespace
}  // namespace gotthard::config
