// The files that `gotthard import` makes: all of them or none, for their owner only.
#include "tools/cli/import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "tools/cli/exit_codes.h"

namespace gotthard::cli {
namespace {

using testing::HasSubstr;
using testing::UnorderedElementsAre;

const std::string kPrivate = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=";
const std::string kPublic = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";

class ImportTest : public testing::Test {
 protected:
  ImportTest() {
    std::string name = testing::TempDir() + "import-XXXXXX";
    directory_ = mkdtemp(name.data());
    std::filesystem::create_directory(directory_ / "to");
    write("wg0.conf", "[Interface]\nPrivateKey = " + kPrivate +
                          "\nDNS = 192.0.2.53\nListenPort = 1\n" +
                          "[Peer]\nPublicKey = " + kPublic + "\nPresharedKey = " + kPrivate +
                          "\nAllowedIPs = 10.2.0.0/16\n");
  }
  ~ImportTest() override { std::filesystem::remove_all(directory_); }

  void write(const std::string& file, const std::string& text) const {
    std::ofstream(directory_ / file) << text;
  }
  [[nodiscard]] std::string text_of(const std::string& file) const {
    std::ifstream stream(directory_ / file);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  [[nodiscard]] std::set<std::string> made() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory_ / "to")) {
      names.insert(entry.path().filename());
    }
    return names;
  }
  int import(bool as_json = false, const std::string& to = "to",
             const std::string& file = "wg0.conf") {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int status = import_file(directory_ / file, directory_ / to, as_json);
    out_ = testing::internal::GetCapturedStdout();
    errors_ = testing::internal::GetCapturedStderr();
    return status;
  }

  std::filesystem::path directory_;
  std::string out_, errors_;
};

TEST_F(ImportTest, FilesAreTheirOwnersAloneAndWarningsAreSaid) {
  const mode_t mask = umask(0);  // not what keeps others out
  EXPECT_EQ(import(), kOk) << errors_;
  umask(mask);
  EXPECT_THAT(made(), UnorderedElementsAre("wg0.toml", "wg0.key", "wg0-xTIBA5rboU.psk"));
  for (const std::string& name : made()) {
    struct stat status {};
    ASSERT_EQ(stat((directory_ / "to" / name).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600U) << name;
    EXPECT_THAT(out_, HasSubstr((directory_ / "to" / name).string() + "\n"));
  }
  EXPECT_EQ(text_of("to/wg0.key"), kPrivate + "\n");
  EXPECT_EQ(text_of("to/wg0.toml").find(kPrivate), std::string::npos);
  EXPECT_THAT(errors_, HasSubstr((directory_ / "wg0.conf").string() + ": line 3: DNS"));
  EXPECT_EQ((out_ + errors_).find(kPrivate), std::string::npos);
}

TEST_F(ImportTest, AsJson) {
  EXPECT_EQ(import(/*as_json=*/true), kOk);
  const auto answer = nlohmann::json::parse(out_);
  EXPECT_EQ(answer.at("files").size(), 3U);
  EXPECT_EQ(answer.at("warnings").size(), 1U);
}

// Whichever of the files is there already: it stays as it is, and none is left of the others.
TEST_F(ImportTest, NothingIsReplacedAndNothingHalfDone) {
  for (const std::string name : {"wg0.toml", "wg0.key", "wg0-xTIBA5rboU.psk"}) {
    write("to/" + name, "mine");
    EXPECT_EQ(import(), kFailed);
    EXPECT_THAT(errors_, HasSubstr((directory_ / "to" / name).string() + " exists already"));
    EXPECT_THAT(made(), UnorderedElementsAre(name));
    EXPECT_EQ(text_of("to/" + name), "mine");
    std::filesystem::remove(directory_ / "to" / name);
  }
  // Not through a link of somebody else's either.
  std::filesystem::create_symlink(directory_ / "elsewhere", directory_ / "to" / "wg0.key");
  EXPECT_EQ(import(), kFailed);
  EXPECT_FALSE(std::filesystem::exists(directory_ / "elsewhere"));
}

TEST_F(ImportTest, WhatCannotBeReadOrWrittenIsSaid) {
  EXPECT_EQ(import(false, "nowhere"), kFailed);
  EXPECT_THAT(errors_, HasSubstr("nowhere/wg0.toml: No such file or directory"));
  EXPECT_EQ(import(false, "to", "missing.conf"), kFailed);
  EXPECT_THAT(errors_, HasSubstr("missing.conf: No such file or directory"));
  EXPECT_EQ(import(false, "to", "to"), kFailed) << "a directory";
  write("bad.conf", "[Interface]\nPrivateKey = nonsense\n");
  EXPECT_EQ(import(false, "to", "bad.conf"), kUsage);
  EXPECT_THAT(errors_, HasSubstr("bad.conf: line 2"));
  EXPECT_EQ(errors_.find("nonsense"), std::string::npos) << "it may be most of a key";
  EXPECT_TRUE(made().empty());
}

}  // namespace
}  // namespace gotthard::cli
