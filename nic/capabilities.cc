#include "nic/capabilities.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace gotthard::nic {
namespace {

// Another user is no longer ended with its parent until it says so again.
Status stay_tied_to(pid_t parent, int signal) {
  if (prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0) != 0) {
    return fail("cannot be tied to the supervisor: {}", std::strerror(errno));
  }
  if (getppid() != parent) {
    return fail("the supervisor has died");
  }
  return {};
}

}  // namespace

Status drop_privileges(const DriverNeeds& needs, std::optional<Identity> identity) {
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  const pid_t parent = getppid();
  int signal = 0;
  if (prctl(PR_GET_PDEATHSIG, &signal, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0) {
    return fail("cannot forbid core dumps: {}", std::strerror(errno));
  }
  if (const Status dropped = drop_rights_of_all_threads(identity); !dropped) {
    return dropped;
  }
  if (const Status tied = stay_tied_to(parent, signal); !tied) {
    return tied;
  }
  // After a change of user, which sets it as the system is configured.
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    return fail("cannot forbid core dumps: {}", std::strerror(errno));
  }
  return allow_only_system_calls(needs);
}

}  // namespace gotthard::nic
