#include "control/sandbox.h"

#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace gotthard::control {
namespace {

// Memory, time, random numbers, and messages over descriptors that are open already.
constexpr std::array kAllowed = {SCMP_SYS(read),
                                 SCMP_SYS(write),
                                 SCMP_SYS(readv),
                                 SCMP_SYS(writev),
                                 SCMP_SYS(pread64),
                                 SCMP_SYS(recvmsg),
                                 SCMP_SYS(recvfrom),
                                 SCMP_SYS(sendmsg),
                                 SCMP_SYS(sendto),
                                 SCMP_SYS(accept4),
                                 SCMP_SYS(getsockopt),
                                 SCMP_SYS(shutdown),
                                 SCMP_SYS(close),
                                 SCMP_SYS(fstat),
                                 SCMP_SYS(lseek),
                                 SCMP_SYS(newfstatat),
                                 SCMP_SYS(poll),
                                 SCMP_SYS(ppoll),
                                 SCMP_SYS(epoll_wait),
                                 SCMP_SYS(epoll_pwait),
                                 SCMP_SYS(epoll_ctl),
                                 SCMP_SYS(timerfd_settime),
                                 SCMP_SYS(munmap),
                                 SCMP_SYS(mremap),
                                 SCMP_SYS(madvise),
                                 SCMP_SYS(mlock2),
                                 SCMP_SYS(brk),
                                 SCMP_SYS(futex),
                                 SCMP_SYS(clock_gettime),
                                 SCMP_SYS(gettimeofday),
                                 SCMP_SYS(clock_nanosleep),
                                 SCMP_SYS(getrandom),
                                 SCMP_SYS(getpid),
                                 SCMP_SYS(gettid),
                                 SCMP_SYS(rt_sigreturn),
                                 SCMP_SYS(rt_sigprocmask),
                                 SCMP_SYS(rt_sigaction),
                                 SCMP_SYS(sigaltstack),
                                 SCMP_SYS(restart_syscall),
                                 SCMP_SYS(fcntl),
                                 SCMP_SYS(exit),
                                 SCMP_SYS(exit_group)};

// No memory becomes code after the start, and no other process is signalled.
int add_bounded(scmp_filter_ctx filter) {
  int error = 0;
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)}) {
    error = error != 0 ? error
                       : seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
                                          SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  }
  return error != 0 ? error
                    : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                                       SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(getpid())));
}

// Keys must not reach swap. Under a limit, memory that is locked for good would make a later
// allocation fail: then keys are few and short-lived, and that must do.
void lock_memory() {
  rlimit limit{};
  if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY) {
    (void)mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
  }
}

}  // namespace

Status protect_memory() {
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0) {
    return fail("cannot forbid core dumps: {}", std::strerror(errno));
  }
  lock_memory();
  return {};
}

Status enter_sandbox() {
  const std::unique_ptr<void, decltype(&seccomp_release)> filter(
      seccomp_init(SCMP_ACT_KILL_PROCESS), seccomp_release);
  if (filter == nullptr) {
    return fail("cannot make control's system call filter");
  }
  for (const int call : kAllowed) {
    if (const int error = seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0); error != 0) {
      return fail("cannot make control's system call filter: {}", std::strerror(-error));
    }
  }
  if (const int error = add_bounded(filter.get()); error != 0) {
    return fail("cannot make control's system call filter: {}", std::strerror(-error));
  }
  if (const int error = seccomp_load(filter.get()); error != 0) {
    return fail("cannot install control's system call filter: {}", std::strerror(-error));
  }
  return {};
}

}  // namespace gotthard::control
