#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
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

// Enough to look at /proc and to start threads afterwards.
constexpr DriverNeeds kDevices{.devices = true};

TEST(Privileges, AreDroppedByThreadsThatRanBefore) {
  in_child([](Complaints& complaints) {
    const BusyThreads threads;
    if (!complaints.expect_ok(drop_privileges(kDevices), "drop")) {
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
    rlimit limit{};
    getrlimit(RLIMIT_CORE, &limit);
    complaints.expect(limit.rlim_max == 0, "core limit");
  });
}

TEST(Privileges, OfTheBoundingSetGoWithThem) {
  if (prctl(PR_CAPBSET_READ, 0) != 1 || geteuid() != 0) {
    GTEST_SKIP() << "needs root";
  }
  in_child([](Complaints& complaints) {
    const BusyThreads threads;
    complaints.expect_ok(drop_privileges(kDevices), "drop");
    complaints.expect(of_all_threads("CapBnd") == "0000000000000000", of_all_threads("CapBnd"));
  });
}

TEST(Privileges, EveryThreadBecomesTheOtherUser) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "needs root";
  }
  in_child([](Complaints& complaints) {
    const BusyThreads threads;
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    const gid_t more = 4;
    complaints.expect(setgroups(1, &more) == 0, "setgroups");
    complaints.expect_ok(drop_privileges(kDevices, Identity{.uid = 60701, .gid = 60702}), "drop");
    complaints.expect(of_all_threads("Uid") == "60701\t60701\t60701\t60701", of_all_threads("Uid"));
    complaints.expect(of_all_threads("Gid") == "60702\t60702\t60702\t60702", of_all_threads("Gid"));
    const std::string groups = of_all_threads("Groups");
    complaints.expect(groups.find_first_not_of(' ') == std::string::npos, "groups " + groups);
    // What of it the kernel shows: an undumpable process's files are root's.
    struct stat status {};
    complaints.expect(stat("/proc/self/maps", &status) == 0 && status.st_uid == 0, "dumpable");
  });
}

// The supervisor's end is the data plane's, also of one that has become another user.
TEST(Privileges, AreDroppedWithoutBeingUntiedFromTheParent) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "needs root";
  }
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  const pid_t parent = fork();
  if (parent == 0) {
    const pid_t self = getpid();
    if (fork() == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
      const bool dropped = getppid() == self && drop_privileges({}, Identity{60701, 60701});
      (void)!write(ends[1], dropped ? "d" : "f", 1);
      for (;;) {
        pause();  // forbidden: it spins until it is killed, or the test's alarm tells
      }
    }
    close(ends[1]);
    char told = 0;
    (void)!read(ends[0], &told, 1);
    _exit(told == 'd' ? 0 : 1);
  }
  close(ends[1]);
  int status = 0;
  ASSERT_EQ(waitpid(parent, &status, 0), parent);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  pollfd gone{.fd = ends[0], .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&gone, 1, 10'000), 1) << "it lives on";  // its end of the pipe closes
  close(ends[0]);
}

TEST(Privileges, DoNotCoverForeignCalls) {
  in_child([](Complaints& complaints) {
    complaints.expect_ok(drop_privileges(), "drop");
    const auto refused = [&](long result, const char* call) {
      complaints.expect(result == -1 && errno == EPERM, std::string(call) + " is allowed");
    };
    char* const no_arguments[] = {nullptr};
    int pair[2];
    refused(execve("/bin/true", no_arguments, no_arguments), "execve");
    refused(fork(), "fork");
    for (const int family : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET}) {
      refused(socket(family, SOCK_DGRAM, 0), "socket");
    }
    refused(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), "socketpair");
    refused(open("/proc/self/stat", O_RDONLY), "open");
    refused(unlink("/nothing"), "unlink");
    refused(kill(getppid(), 0), "kill");
    refused(tgkill(getppid(), getppid(), 0), "tgkill of another process");
    refused(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), "prctl");
    refused(ioctl(STDERR_FILENO, FIONREAD, pair), "ioctl");
    refused(unshare(CLONE_NEWUSER), "unshare");
    refused(setuid(getuid()), "setuid");
    refused(mprotect(nullptr, 4096, PROT_EXEC), "memory that becomes code");
    complaints.expect(mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                           0) == MAP_FAILED,
                      "mmap of code");
  });
}

TEST(Privileges, OfDevicesAreReadingAlone) {
  in_child([](Complaints& complaints) {
    complaints.expect_ok(drop_privileges(kDevices), "drop");
    complaints.expect(open("/proc/self/stat", O_RDONLY) >= 0, "open is refused");
    for (const int flags : {O_WRONLY, O_RDWR, O_RDONLY | O_CREAT, O_RDONLY | O_TRUNC}) {
      complaints.expect(open("/dev/null", flags, 0600) < 0 && errno == EPERM, "open for writing");
    }
    complaints.expect(socket(AF_UNIX, SOCK_STREAM, 0) < 0, "socket");
  });
}

TEST(Privileges, AreLeftByDriver) {
  using Drivers = std::vector<std::string>;
  EXPECT_EQ(needs_of(Drivers{"net_af_packet", "net_af_xdp", "net_null", "net_ring"}),
            DriverNeeds{});
  EXPECT_EQ(needs_of(Drivers{"net_memif"}), DriverNeeds{.local_sockets = true});
  EXPECT_EQ(needs_of(Drivers{"net_af_packet", "net_ixgbe"}), kDevices);
  EXPECT_EQ(needs_of(Drivers{"mlx5_pci"}), (DriverNeeds{.devices = true, .network_sockets = true}));
  in_child([](Complaints& complaints) {
    complaints.expect_ok(drop_privileges({.network_sockets = true}), "drop");
    complaints.expect(socket(AF_INET, SOCK_DGRAM, 0) >= 0, "socket of AF_INET is refused");
    complaints.expect(socket(AF_PACKET, SOCK_DGRAM, 0) < 0, "socket of AF_PACKET");
  });
  in_child([](Complaints& complaints) {
    complaints.expect_ok(drop_privileges({.local_sockets = true}), "drop");
    const auto refused = [](long result) { return result == -1 && errno == EPERM; };
    complaints.expect(!refused(accept(-1, nullptr, nullptr)), "accept is refused");
    complaints.expect(!refused(unlink("/nothing/at/all")), "unlink is refused");
    for (const int family : {AF_UNIX, AF_INET}) {
      complaints.expect(refused(socket(family, SOCK_STREAM, 0)), "socket");
    }
    complaints.expect(refused(connect(-1, nullptr, 0)), "connect");
    complaints.expect(refused(bind(-1, nullptr, 0)), "bind");
  });
}

}  // namespace
}  // namespace gotthard::nic
