#include "nic/system_calls.h"

#include <sched.h>
#include <seccomp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace gotthard::nic {
namespace {

// Other programs and processes; the kernel's configuration; ways around this filter.
constexpr const char* kForbidden[] = {
    // Starting, reading and writing other processes.
    "execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev",
    "pidfd_open", "pidfd_getfd", "process_madvise", "kcmp", "setns", "unshare", "personality",
    // The file tree.
    "mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsmount",
    "fsconfig", "fspick", "mount_setattr", "open_by_handle_at", "mknod", "mknodat", "quotactl",
    "quotactl_fd", "swapon", "swapoff", "acct",
    // The kernel and the machine.
    "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot",
    "bpf", "perf_event_open", "userfaultfd", "syslog", "iopl", "ioperm", "modify_ldt", "vm86",
    "add_key", "request_key", "keyctl", "settimeofday", "clock_settime", "adjtimex",
    "clock_adjtime", "sethostname", "setdomainname", "lookup_dcookie", "nfsservctl",
    // Identity.
    "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid",
    "setgroups",
    // Calls made by the kernel on one's behalf are not filtered.
    "io_uring_setup", "io_uring_enter", "io_uring_register"};

struct FilterFree {
  void operator()(void* filter) const { seccomp_release(filter); }
};

int add_rules(void* filter, Sockets sockets) {
  for (const char* name : kForbidden) {
    const int call = seccomp_syscall_resolve_name(name);
    // Older libraries do not know every name; negative numbers are calls of other architectures.
    if (call < 0) {
      continue;
    }
    if (const int error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 0); error != 0) {
      return error;
    }
  }
  // Threads yes, processes no. The arguments of clone3 are out of a filter's sight: without it the
  // C library falls back on clone.
  if (const int error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                         SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
      error != 0) {
    return error;
  }
  if (const int error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
      error != 0) {
    return error;
  }
  if (sockets == Sockets::any) {
    return 0;
  }
  return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1,
                          SCMP_A0(SCMP_CMP_NE, AF_UNIX));
}

}  // namespace

Status forbid_system_calls(Sockets sockets) {
  const std::unique_ptr<void, FilterFree> filter(seccomp_init(SCMP_ACT_ALLOW));
  if (filter == nullptr) {
    return fail("libseccomp does not start");
  }
  // One filter for the threads that run already, too; it takes their right to gain privileges.
  int error = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1);
  if (error == 0) {
    error = add_rules(filter.get(), sockets);
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
