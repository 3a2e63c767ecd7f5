#include "tools/supervisor/process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "base/log.h"

namespace gotthard::supervisor {
namespace {

// Signals as a program expects them at its start: ours are blocked for signalfd.
void reset_signals() {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
}

Status die_with(pid_t parent) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) {
    return fail("cannot be tied to the supervisor: {}", std::strerror(errno));
  }
  if (getppid() != parent) {
    return fail("the supervisor has died");
  }
  return {};
}

Status arrange_descriptors(std::span<const int> keep) {
  const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null || dup2(null.get(), STDIN_FILENO) < 0 || dup2(log::descriptor(), STDERR_FILENO) < 0 ||
      syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) != 0) {
    return fail("cannot arrange descriptors: {}", std::strerror(errno));
  }
  for (const int fd : keep) {
    if (fcntl(fd, F_SETFD, 0) != 0) {
      return fail("cannot keep descriptor {}: {}", fd, std::strerror(errno));
    }
  }
  return {};
}

Status prepare_child(pid_t parent, std::span<const int> keep, const Prepare& prepare) {
  reset_signals();
  // A Ctrl-C in the terminal is for the supervisor alone, which ends its children in order.
  setpgid(0, 0);
  Status ready = arrange_descriptors(keep);
  ready = ready ? prepare() : ready;
  // After a change of user, which clears it.
  return ready ? die_with(parent) : ready;
}

[[noreturn]] void run_child(const std::vector<std::string>& argv, pid_t parent,
                            std::span<const int> keep, const Prepare& prepare, int errors) {
  // Opened as the supervisor: the user that the child becomes may have no way to it (a home
  // folder).
  const UniqueFd program(open(argv[0].c_str(), O_PATH | O_CLOEXEC));
  Status ready = prepare_child(parent, keep, prepare);
  if (ready) {
    std::vector<char*> arguments;
    for (const std::string& argument : argv) {
      arguments.push_back(const_cast<char*>(argument.c_str()));
    }
    arguments.push_back(nullptr);
    execv(arguments[0], arguments.data());  // by its name, which tools like ps show
    if (errno == EACCES) {
      syscall(SYS_execveat, program.get(), "", arguments.data(), environ, AT_EMPTY_PATH);
    }
    ready = fail("{}", std::strerror(errno));
  }
  const std::string& why = ready.error().message;
  (void)!write(errors, why.data(), why.size());
  _exit(127);
}

Result<Process> watch(pid_t pid) {
  Process process;
  process.pid = pid;
  process.pidfd = UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!process.pidfd) {
    const int why = errno;
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    return fail("cannot watch a child: {}", std::strerror(why));
  }
  fcntl(process.pidfd.get(), F_SETFD, FD_CLOEXEC);
  return process;
}

}  // namespace

Result<Process> spawn(const std::vector<std::string>& argv, std::span<const int> keep,
                      const Prepare& prepare) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail("cannot make a pipe: {}", std::strerror(errno));
  }
  const UniqueFd errors(ends[0]);
  UniqueFd child_errors(ends[1]);
  const pid_t self = getpid();
  const pid_t pid = fork();
  if (pid < 0) {
    return fail("cannot start {}: {}", argv[0], std::strerror(errno));
  }
  if (pid == 0) {
    run_child(argv, self, keep, prepare, child_errors.get());
  }
  child_errors.reset();
  auto process = watch(pid);
  if (!process) {
    return process;
  }
  // The pipe closes at exec: what comes before is why there was none.
  std::array<char, 512> why{};
  ssize_t size = 0;
  do {
    size = read(errors.get(), why.data(), why.size());
  } while (size < 0 && errno == EINTR);
  if (size > 0) {
    waitpid(pid, nullptr, 0);
    return fail("cannot start {}: {}", argv[0],
                std::string_view(why.data(), static_cast<std::size_t>(size)));
  }
  return process;
}

Result<Process> fork_and_run(int keep, const Prepare& prepare, const std::function<int()>& body) {
  const pid_t self = getpid();
  const pid_t pid = fork();
  if (pid < 0) {
    return fail("cannot fork: {}", std::strerror(errno));
  }
  if (pid == 0) {
    reset_signals();
    const auto first = static_cast<unsigned>(STDERR_FILENO + 1);
    const auto kept = static_cast<unsigned>(keep);
    const bool closed = (kept == first || syscall(SYS_close_range, first, kept - 1, 0) == 0) &&
                        syscall(SYS_close_range, kept + 1, ~0U, 0) == 0;
    _exit(closed && prepare() && die_with(self) ? body() : 1);
  }
  return watch(pid);
}

std::optional<std::string> reap(const Process& process) {
  int status = 0;
  if (!process || waitpid(process.pid, &status, WNOHANG) != process.pid) {
    return std::nullopt;
  }
  if (WIFSIGNALED(status)) {
    return fmt::format("killed by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  }
  return fmt::format("exit status {}", WEXITSTATUS(status));
}

void send_signal(const Process& process, int signal) {
  if (process) {
    syscall(SYS_pidfd_send_signal, process.pidfd.get(), signal, nullptr, 0);
  }
}

Result<std::string> find_executable(const std::string& name, const std::string& directory) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  std::vector<std::filesystem::path> places{self, self.parent_path() / "libexec" / "gotthard",
                                            self.parent_path() / "libexec"};
  if (!directory.empty()) {
    places = {directory};
  }
  std::string tried;
  for (const auto& place : places) {
    const std::string path = place / name;
    if (access(path.c_str(), X_OK) == 0) {
      return path;
    }
    tried += (tried.empty() ? "" : ", ") + place.string();
  }
  return fail("there is no program {} in {}: build or install all of Gotthard", name, tried);
}

}  // namespace gotthard::supervisor
