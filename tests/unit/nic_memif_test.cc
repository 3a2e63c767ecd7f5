// Sockets that memif's server leaves behind are taken away; those in use, and what is none, are
// not.
#include "nic/memif.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/fd.h"

namespace gotthard::nic {
namespace {

std::string file_of(const std::string& arguments) {
  return listening_file({.name = "net_memif0", .arguments = arguments});
}

TEST(Memif, OnlyAServerInADirectoryHasAFile) {
  EXPECT_EQ(file_of("role=server,id=0,socket=/run/a,socket-abstract=no"), "/run/a");
  EXPECT_EQ(file_of("socket-abstract=no,socket=/run/a,role=master"), "/run/a");
  EXPECT_EQ(file_of("role=server,socket-abstract=no"), "/run/memif.sock");
  EXPECT_EQ(file_of("role=client,id=0,socket=/run/a,socket-abstract=no"), "");
  EXPECT_EQ(file_of("role=server,id=0,socket=/run/a"), "");
  EXPECT_EQ(file_of(""), "");
  EXPECT_EQ(listening_file({.name = "net_af_packet0",
                            .arguments = "role=server,socket=/run/a,socket-abstract=no"}),
            "");
}

class MemifSocket : public ::testing::Test {
 protected:
  MemifSocket()
      : file_(std::filesystem::temp_directory_path() /
              ("gotthard-memif-" + std::to_string(getpid()))) {}
  ~MemifSocket() override { std::filesystem::remove(file_); }

  void remove_stale() {
    remove_stale_socket(
        {.name = "net_memif0",
         .arguments = "role=server,socket=" + file_.string() + ",socket-abstract=no"});
  }
  UniqueFd listener() {
    UniqueFd fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    file_.string().copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(fd.get(), 1), 0);
    return fd;
  }

  std::filesystem::path file_;
};

TEST_F(MemifSocket, IsTakenAwayWhenNobodyListens) {
  listener().reset();
  ASSERT_TRUE(std::filesystem::exists(file_));
  remove_stale();
  EXPECT_FALSE(std::filesystem::exists(file_));
  remove_stale();  // nothing is there
}

TEST_F(MemifSocket, StaysWhereSomebodyListens) {
  const UniqueFd fd = listener();
  remove_stale();
  EXPECT_TRUE(std::filesystem::exists(file_));
}

TEST_F(MemifSocket, AnotherFileStays) {
  std::ofstream(file_) << "text";
  remove_stale();
  EXPECT_TRUE(std::filesystem::exists(file_));
}

}  // namespace
}  // namespace gotthard::nic
