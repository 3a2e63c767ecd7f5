#include "nic/threads.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace gotthard::nic {
namespace {

// For the signal handler. Written before it can run.
std::optional<Identity> wanted;

// A signal handler: system calls only, each of which is for this thread alone. libcap-ng keeps
// state per thread and allocates.
void drop_in_this_thread(int) {
  const int saved = errno;
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  }
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  if (wanted) {
    syscall(SYS_setgroups, 0, nullptr);
    syscall(SYS_setresgid, wanted->gid, wanted->gid, wanted->gid);
    syscall(SYS_setresuid, wanted->uid, wanted->uid, wanted->uid);
  }
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3]{};
  syscall(SYS_capset, &header, &none);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  errno = saved;
}

// All four of real, effective, saved and file system id.
bool are_all(const std::string& ids, unsigned id) {
  std::istringstream fields(ids);
  unsigned field = 0;
  bool all = true;
  while (fields >> field) {
    all = all && field == id;
  }
  return all;
}

// Whether the kernel says that thread `id` has nothing left; a thread that has ended has not.
bool has_dropped(pid_t id) {
  std::ifstream status("/proc/self/task/" + std::to_string(id) + "/status");
  for (std::string line; std::getline(status, line);) {
    const auto value = line.find_first_not_of(" \t", line.find(':') + 1);
    if (value == std::string::npos) {
      continue;
    }
    const bool held = line.starts_with("CapInh:") || line.starts_with("CapPrm:") ||
                      line.starts_with("CapEff:") || line.starts_with("CapAmb:");
    if (held && line.find_first_not_of('0', value) != std::string::npos) {
      return false;
    }
    if (line.starts_with("NoNewPrivs:") && line[value] != '1') {
      return false;
    }
    if (wanted && ((line.starts_with("Uid:") && !are_all(line.substr(value), wanted->uid)) ||
                   (line.starts_with("Gid:") && !are_all(line.substr(value), wanted->gid)) ||
                   line.starts_with("Groups:"))) {
      return false;
    }
  }
  return true;
}

std::vector<pid_t> threads() {
  std::vector<pid_t> ids;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task", error)) {
    const std::string name = entry.path().filename();
    pid_t id = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), id).ec == std::errc()) {
      ids.push_back(id);
    }
  }
  return ids;
}

// Interrupts every thread until a round finds none with rights: a thread that was made meanwhile
// has those of its maker. Returns the thread that would not.
std::optional<pid_t> interrupt_until_dropped(int signal) {
  constexpr int kRounds = 2500;
  constexpr timespec kPause{.tv_sec = 0, .tv_nsec = 2'000'000};
  pid_t last = 0;
  for (int round = 0; round < kRounds; ++round) {
    bool all = true;
    for (const pid_t id : threads()) {
      if (!has_dropped(id)) {
        all = false;
        last = id;
        syscall(SYS_tgkill, getpid(), id, signal);
      }
    }
    if (all) {
      return std::nullopt;
    }
    nanosleep(&kPause, nullptr);
  }
  return last;
}

}  // namespace

Status drop_rights_of_all_threads(std::optional<Identity> identity) {
  if (threads().empty()) {
    return fail("cannot list this process's threads: is /proc mounted?");
  }
  wanted = identity;
  const int signal = SIGRTMIN + 5;
  struct sigaction ours {};
  ours.sa_handler = drop_in_this_thread;
  ours.sa_flags = SA_RESTART;
  if (sigaction(signal, &ours, nullptr) != 0) {
    return fail("cannot reach this process's threads: {}", std::strerror(errno));
  }
  const auto stubborn = interrupt_until_dropped(signal);
  // A slow thread may have been sent it twice; the second, still queued, would end the process if
  // the default came back. Ignoring discards it.
  ours.sa_handler = SIG_IGN;
  sigaction(signal, &ours, nullptr);
  if (stubborn) {
    return fail("thread {} of this process keeps its user or its capabilities", *stubborn);
  }
  return {};
}

}  // namespace gotthard::nic
