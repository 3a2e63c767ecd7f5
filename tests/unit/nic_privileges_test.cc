#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "nic/capabilities.h"
#include "tests/unit/in_child.h"

namespace gotthard::nic {
namespace {

// "0000000000000000" of every thread, where all agree; otherwise what the odd one has.
std::string of_all_threads(const std::string& field) {
  std::string common;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream status(task.path() / "status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with(field + ":\t")) {
        const std::string value = line.substr(field.size() + 2);
        if (!common.empty() && common != value) {
          return "differs: " + common + " and " + value;
        }
        common = value;
      }
    }
  }
  return common;
}

class BusyThreads {
 public:
  BusyThreads() {
    for (int i = 0; i < 3; ++i) {
      threads_.emplace_back([this, sleeps = i == 0] {
        while (!stop_) {
          if (sleeps) {
            usleep(100'000);
          }
        }
      });
    }
  }
  ~BusyThreads() {
    stop_ = true;
    for (std::thread& thread : threads_) {
      thread.join();
    }
  }

 private:
  std::atomic<bool> stop_ = false;
  std::vector<std::thread> threads_;
};

TEST(Privileges, AreDroppedByThreadsThatRanBefore) {
  in_child([](Complaints& complaints) {
    const BusyThreads threads;
    if (!complaints.expect_ok(drop_privileges(), "drop")) {
      return;
    }
    const auto check = [&](const std::string& when) {
      for (const char* field : {"CapInh", "CapPrm", "CapEff", "CapAmb"}) {
        complaints.expect(of_all_threads(field) == "0000000000000000",
                          when + field + " " + of_all_threads(field));
      }
      complaints.expect(of_all_threads("NoNewPrivs") == "1", when + "no_new_privs");
      complaints.expect(of_all_threads("Seccomp") == "2", when + "seccomp");
    };
    check("before: ");
    const BusyThreads later;
    check("with new threads: ");
    complaints.expect(prctl(PR_GET_DUMPABLE) == 0, "dumpable");
    rlimit limit{};
    getrlimit(RLIMIT_CORE, &limit);
    complaints.expect(limit.rlim_max == 0, "core limit");
    // A second time changes nothing and fails nowhere.
    complaints.expect_ok(drop_privileges(), "again");
  });
}

TEST(Privileges, OfTheBoundingSetGoWithThem) {
  if (prctl(PR_CAPBSET_READ, 0) != 1 || geteuid() != 0) {
    GTEST_SKIP() << "needs root";
  }
  in_child([](Complaints& complaints) {
    const BusyThreads threads;
    complaints.expect_ok(drop_privileges(), "drop");
    complaints.expect(of_all_threads("CapBnd") == "0000000000000000", of_all_threads("CapBnd"));
  });
}

TEST(Privileges, DoNotCoverForeignCalls) {
  in_child([](Complaints& complaints) {
    complaints.expect_ok(drop_privileges(), "drop");
    const auto refused = [&](long result, const char* call) {
      complaints.expect(result == -1 && errno == EPERM, std::string(call) + " is allowed");
    };
    char* const no_arguments[] = {nullptr};
    refused(execve("/bin/true", no_arguments, no_arguments), "execve");
    refused(fork(), "fork");
    refused(socket(AF_INET, SOCK_STREAM, 0), "socket of AF_INET");
    refused(socket(AF_INET6, SOCK_DGRAM, 0), "socket of AF_INET6");
    refused(socket(AF_NETLINK, SOCK_RAW, 0), "socket of AF_NETLINK");
    refused(socket(AF_PACKET, SOCK_RAW, 0), "socket of AF_PACKET");
    refused(unshare(CLONE_NEWUSER), "unshare");
    refused(setuid(getuid()), "setuid");
    int pair[2];
    complaints.expect(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0, "socketpair is refused");
    const int file = open("/proc/self/stat", O_RDONLY);
    complaints.expect(file >= 0, "open is refused");
  });
}

TEST(Privileges, LeaveBifurcatedDriversTheirSockets) {
  const std::vector<std::string> plain{"net_af_packet", "net_ixgbe"};
  const std::vector<std::string> bifurcated{"net_af_packet", "mlx5_pci"};
  EXPECT_EQ(sockets_needed(plain), Sockets::local);
  EXPECT_EQ(sockets_needed(bifurcated), Sockets::any);
  in_child([](Complaints& complaints) {
    complaints.expect_ok(drop_privileges(Sockets::any), "drop");
    complaints.expect(socket(AF_INET, SOCK_DGRAM, 0) >= 0, "socket of AF_INET is refused");
  });
}

}  // namespace
}  // namespace gotthard::nic
