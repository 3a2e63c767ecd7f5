#include "tools/supervisor/privileges.h"

#include <cap-ng.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

namespace gotthard::supervisor {
namespace {

Status no_new_privileges() {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return fail("cannot set no_new_privs: {}", std::strerror(errno));
  }
  return {};
}

void add(Capabilities& to, std::initializer_list<int> more) {
  to.insert(to.end(), more);
  std::sort(to.begin(), to.end());
  to.erase(std::unique(to.begin(), to.end()), to.end());
}

}  // namespace

Capabilities supervisor_capabilities() {
  Capabilities set;
  add(set, {
               CAP_NET_ADMIN,     // neighbours, links and routes; waking muted devices at the end
               CAP_DAC_OVERRIDE,  // taking our files out of directories that another user owns
               CAP_KILL,          // stopping control, which runs as another user
               CAP_NET_BIND_SERVICE,  // keeping others from a port below 1024 that `wg` chose
               CAP_SETUID,            // starting children as other users
               CAP_SETGID,            // the same
               CAP_SETPCAP,           // limiting the bounding set of children
               CAP_IPC_LOCK,          // keeping the checkpoint, which has keys, out of swap
           });
  return set;
}

Capabilities dataplane_capabilities(const config::Config& config) {
  Capabilities set;
  add(set, {
               CAP_SETUID,     // becoming its own user once ports are open
               CAP_SETGID,     // the same
               CAP_IPC_LOCK,   // locking keys and buffers whatever RLIMIT_MEMLOCK says
               CAP_SYS_NICE,   // placing memory and threads
               CAP_NET_ADMIN,  // promiscuous mode and MTU of devices; TAP devices of DPDK
               CAP_SETPCAP,    // emptying its bounding set when it drops the rest
           });
  for (const config::Port& port : config.ports) {
    if (port.device.starts_with("net_af_packet")) {
      add(set, {CAP_NET_RAW});  // packet sockets
    } else if (port.device.starts_with("net_af_xdp")) {
      // XDP sockets and loading the program (SYS_ADMIN: kernels before 5.8).
      add(set, {CAP_NET_RAW, CAP_BPF, CAP_SYS_ADMIN});
    } else if (!port.device.starts_with("net_")) {
      // A PCI device: physical addresses, I/O ports, raw queues of bifurcated drivers, files of
      // /dev/vfio that belong to a group.
      add(set, {CAP_NET_RAW, CAP_SYS_ADMIN, CAP_SYS_RAWIO, CAP_DAC_OVERRIDE});
    }
  }
  return set;
}

namespace {

// Ids between those of people's and of systemd's dynamic accounts, which nobody gives away
// (systemd's UIDS-GIDS.md).
constexpr unsigned kFirstId = 60600;
constexpr unsigned kLastId = 61183;

// The account of that name, else an id from `*next` on that has none.
Result<User> unprivileged_user(const char* name, unsigned* next) {
  if (const passwd* entry = getpwnam(name); entry != nullptr) {
    if (entry->pw_uid == 0 || entry->pw_gid == 0) {
      return fail("the account '{}' is root's: give it a user and a group id of its own", name);
    }
    return User{entry->pw_uid, entry->pw_gid, name};
  }
  for (unsigned id = *next; id <= kLastId; ++id) {
    if (getpwuid(id) == nullptr && getgrgid(id) == nullptr) {
      *next = id + 1;
      return User{id, id, name};
    }
  }
  return fail("no id from {} to {} is free for a process to run as: make an account '{}'", kFirstId,
              kLastId, name);
}

}  // namespace

Result<Users> unprivileged_users() {
  unsigned next = kFirstId;
  const auto control = unprivileged_user("gotthard-control", &next);
  const auto dataplane = unprivileged_user("gotthard-dataplane", &next);
  const auto resolver = unprivileged_user("gotthard-resolver", &next);
  if (!control || !dataplane || !resolver) {
    return tl::unexpected(!control     ? control.error()
                          : !dataplane ? dataplane.error()
                                       : resolver.error());
  }
  return Users{*control, *dataplane, *resolver};
}

Status limit_to(const Capabilities& effective, const Capabilities& kept) {
  capng_get_caps_process();
  const auto held = [](const Capabilities& wanted) {
    Capabilities set;
    std::copy_if(wanted.begin(), wanted.end(), std::back_inserter(set), [](int capability) {
      return capng_have_capability(CAPNG_PERMITTED, static_cast<unsigned>(capability)) != 0;
    });
    return set;
  };
  const Capabilities active = held(effective);
  const Capabilities idle = held(kept);
  capng_clear(CAPNG_SELECT_BOTH);
  const auto grant = [](const Capabilities& set, int where) {
    for (const int capability : set) {
      capng_update(CAPNG_ADD, static_cast<capng_type_t>(where), static_cast<unsigned>(capability));
    }
  };
  grant(active, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET);
  grant(idle, CAPNG_PERMITTED | CAPNG_BOUNDING_SET);
  if (const int code = capng_apply(CAPNG_SELECT_BOTH); code != 0) {
    return fail("cannot give up capabilities (libcap-ng: {})", code);
  }
  return no_new_privileges();
}

Status become(const User& user) {
  // The bounding set first: it needs CAP_SETPCAP, which goes with the rest.
  capng_get_caps_process();
  capng_clear(CAPNG_SELECT_BOUNDS);
  if (const int code = capng_apply(CAPNG_SELECT_BOUNDS); code != 0) {
    return fail("cannot empty the bounding set (libcap-ng: {})", code);
  }
  if (setgroups(0, nullptr) != 0 || setresgid(user.gid, user.gid, user.gid) != 0 ||
      setresuid(user.uid, user.uid, user.uid) != 0) {
    return fail("cannot become the user '{}': {}", user.name, std::strerror(errno));
  }
  capng_clear(CAPNG_SELECT_BOTH);
  if (const int code = capng_apply(CAPNG_SELECT_CAPS); code != 0) {
    return fail("cannot give up capabilities (libcap-ng: {})", code);
  }
  return no_new_privileges();
}

}  // namespace gotthard::supervisor
