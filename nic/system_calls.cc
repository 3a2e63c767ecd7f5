#include "nic/system_calls.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>

namespace gotthard::nic {
namespace {

// By name: older libraries do not know every call, and newer C libraries use newer ones.
constexpr const char* kAlways[] = {
    // Twins and TUNs, log lines, event and timer descriptors.
    "read", "write", "readv", "writev", "close", "fcntl", "lseek", "fstat", "newfstatat",
    // An attachment: sealed memory and event descriptors, over sockets that are open.
    "memfd_create", "ftruncate", "eventfd2", "sendmsg", "recvmsg", "epoll_wait", "epoll_pwait",
    "epoll_ctl", "poll", "ppoll",
    // Packet sockets and XDP sockets are kicked, and asked for their counters.
    "sendto", "recvfrom", "getsockopt",
    // DPDK's interrupt thread makes its epoll anew with each change and keeps its alarms.
    "epoll_create", "epoll_create1", "timerfd_create", "timerfd_settime", "pipe2",
    // Memory, that of DPDK on the right node and locked.
    "munmap", "mremap", "brk", "madvise", "mlock", "mlock2", "munlock", "fallocate", "mbind",
    "set_mempolicy", "get_mempolicy", "getrandom",
    // Time, and workers that rest.
    "nanosleep", "clock_nanosleep", "clock_gettime", "gettimeofday", "time",
    // Threads that are there.
    "futex", "sched_yield", "sched_getaffinity", "getpid", "gettid", "rt_sigreturn",
    "rt_sigprocmask", "rt_sigaction", "sigaltstack", "restart_syscall", "rseq", "membarrier",
    // The end, in order: rings that the kernel half of a port has are told to go. The parent is
    // looked at to know whether it still is the supervisor.
    "setsockopt", "shutdown", "getppid", "exit", "exit_group"};

// VFIO and UIO: configuration space, interrupts, DMA maps; a PF's or a switch's state in sysfs.
// Some drivers start threads of their own with a link's first event.
constexpr const char* kDevices[] = {"ioctl",      "pread64", "pwrite64",        "access",
                                    "faccessat",  "statx",   "readlink",        "readlinkat",
                                    "getdents64", "uname",   "set_robust_list", "prlimit64"};

// memif: a server's peer comes and goes; it listens already, and takes its socket away at the end.
// A client has connected, and is never connected again. What they then tell each other (memory that
// they share, and event descriptors) needs nothing that is not allowed to all.
constexpr const char* kLocalSockets[] = {"accept", "accept4", "unlink"};

constexpr const char* kNetworkSockets[] = {"connect", "bind", "getsockname"};

struct FilterFree {
  void operator()(void* filter) const { seccomp_release(filter); }
};

// Adds rules until one fails.
class Rules {
 public:
  explicit Rules(void* filter) : filter_(filter) {}

  template <typename... Conditions>
  void allow(const char* name, Conditions... conditions) {
    const int call = seccomp_syscall_resolve_name(name);
    // Unknown, or (other negative numbers) a call of other architectures.
    if (call >= 0 && error_ == 0) {
      error_ =
          seccomp_rule_add(filter_, SCMP_ACT_ALLOW, call, sizeof...(conditions), conditions...);
    }
  }
  template <std::size_t N>
  void allow_all(const char* const (&names)[N]) {
    for (const char* name : names) {
      allow(name);
    }
  }
  // For what is out of a filter's sight: the C library takes an older call then.
  void unknown(const char* name) {
    const int call = seccomp_syscall_resolve_name(name);
    if (call >= 0 && error_ == 0) {
      error_ = seccomp_rule_add(filter_, SCMP_ACT_ERRNO(ENOSYS), call, 0);
    }
  }
  [[nodiscard]] int error() const { return error_; }

 private:
  void* filter_;
  int error_ = 0;
};

int add_rules(void* filter, const DriverNeeds& needs) {
  Rules rules(filter);
  rules.allow_all(kAlways);
  // No memory becomes code any more, and no other process is signalled.
  rules.allow("mmap", SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  rules.allow("mprotect", SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  rules.allow("tgkill", SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(getpid())));
  if (needs.devices) {
    rules.allow_all(kDevices);
    constexpr scmp_datum_t kChanging = O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND;
    rules.allow("open", SCMP_A1(SCMP_CMP_MASKED_EQ, kChanging, O_RDONLY));
    rules.allow("openat", SCMP_A2(SCMP_CMP_MASKED_EQ, kChanging, O_RDONLY));
    rules.allow("clone", SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    rules.unknown("clone3");
  }
  if (needs.local_sockets) {
    rules.allow_all(kLocalSockets);
  }
  if (needs.network_sockets) {
    rules.allow_all(kNetworkSockets);
    for (const int family : {AF_INET, AF_INET6, AF_NETLINK}) {
      rules.allow("socket", SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(family)));
    }
  }
  return rules.error();
}

bool one_of(std::span<const std::string_view> names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

DriverNeeds needs_of(std::span<const std::string> drivers) {
  // Their descriptors are open and their rings shared: nothing more.
  constexpr std::array<std::string_view, 4> kSoftware{"net_af_packet", "net_af_xdp", "net_null",
                                                      "net_ring"};
  // These read link state and counters from the kernel's network device.
  constexpr std::array<std::string_view, 3> kBifurcated{"net_mlx4", "mlx5_pci", "net_mana"};
  DriverNeeds needs;
  for (const std::string& driver : drivers) {
    if (driver == "net_memif") {
      needs.local_sockets = true;
    } else if (!one_of(kSoftware, driver)) {
      needs.devices = true;
      needs.network_sockets |= one_of(kBifurcated, driver);
    }
  }
  return needs;
}

Status allow_only_system_calls(const DriverNeeds& needs) {
  const std::unique_ptr<void, FilterFree> filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  if (filter == nullptr) {
    return fail("libseccomp does not start");
  }
  // One filter for the threads that run already, too; it takes their right to gain privileges.
  int error = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1);
  if (error == 0) {
    error = add_rules(filter.get(), needs);
  }
  if (error == 0) {
    error = seccomp_load(filter.get());
  }
  if (error != 0) {
    return fail(
        "cannot forbid system calls that the data plane does not use ({}): does the kernel lack "
        "seccomp filters (CONFIG_SECCOMP_FILTER)?",
        std::strerror(-error));
  }
  return {};
}

}  // namespace gotthard::nic
