// Lab keys are used once in their life, and that is on the disk before anybody uses them.
#include "tools/supervisor/lab_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "crypto/suite.h"

namespace gotthard::supervisor {
namespace {

using testing::HasSubstr;

class LabKeysTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string made = (std::filesystem::temp_directory_path() / "gotthard-lab-XXXXXX").string();
    ASSERT_NE(mkdtemp(made.data()), nullptr);
    directory = made;
    write("in", 'a');
    write("out", 'b');
    config.ipsec.resize(1);
    config.ipsec[0].connections.resize(1);
    config.ipsec[0].connections[0].children.resize(1);
    config.ipsec[0].connections[0].children[0].lab_keys.resize(1);
    keys() = {.suite = {.suite = static_cast<std::uint8_t>(crypto::Suite::aes128_gcm)},
              .in_spi = 0x1001,
              .in_key_file = file("in"),
              .out_spi = 0x1002,
              .out_key_file = file("out")};
  }
  void TearDown() override { std::filesystem::remove_all(directory); }

  config::LabKeys& keys() { return config.ipsec[0].connections[0].children[0].lab_keys.at(0); }
  [[nodiscard]] std::string file(const std::string& name) const {
    return (directory / name).string();
  }
  // 16 bytes of `digit`, and a salt.
  void write(const std::string& name, char digit, const std::string& salt = "01020304") const {
    std::ofstream(file(name)) << std::string(32, digit) << salt << "\n";
    chmod(file(name).c_str(), 0600);
  }
  [[nodiscard]] std::string refusal(const config::Config* running = nullptr) const {
    const auto taken = take_lab_keys(config, directory.string(), running);
    return taken ? "" : taken.error().message;
  }

  std::filesystem::path directory;
  config::Config config;
};

TEST_F(LabKeysTest, EachIsTakenOnce) {
  const auto taken = take_lab_keys(config, directory.string());
  ASSERT_TRUE(taken);
  ASSERT_EQ(taken->size(), 2U);
  EXPECT_EQ((*taken)[0].path, file("in"));
  EXPECT_EQ((*taken)[1].path, file("out"));
  EXPECT_THAT(refusal(), HasSubstr("in " + file("in") + " was used before"));
  write("in", 'a', "0a0b0c0d");
  EXPECT_THAT(refusal(), HasSubstr("used before")) << "the same under another salt";
  write("in", 'c');
  write("out", 'd');
  EXPECT_EQ(refusal(), "");
}

TEST_F(LabKeysTest, TheSameForBothDirectionsIsUsedTwice) {
  write("out", 'a');
  EXPECT_THAT(refusal(), HasSubstr("used before"));
  EXPECT_FALSE(std::filesystem::exists(directory / kUsedLabKeys)) << "none of it is in use";
}

TEST_F(LabKeysTest, OfTheRunningConfigurationOnlyNewOnesAreTaken) {
  ASSERT_EQ(refusal(), "");
  const config::Config running = config;
  EXPECT_FALSE(has_new_lab_keys(config, running));
  const auto none = take_lab_keys(config, directory.string(), &running);
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->empty());

  keys().in_spi = 0x2001;
  EXPECT_TRUE(has_new_lab_keys(config, running));
  EXPECT_THAT(refusal(&running), HasSubstr("used before"))
      << "another SPI makes no other key of it";
  write("in", 'c');
  write("out", 'd');
  const auto two = take_lab_keys(config, directory.string(), &running);
  ASSERT_TRUE(two);
  EXPECT_EQ(two->size(), 2U);
}

TEST_F(LabKeysTest, WhatCannotBeRecordedIsNotUsed) {
  std::filesystem::create_directory(directory / kUsedLabKeys);
  EXPECT_THAT(refusal(), HasSubstr(kUsedLabKeys));
}

}  // namespace
}  // namespace gotthard::supervisor
