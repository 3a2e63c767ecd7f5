#include "tools/supervisor/run_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "tools/supervisor/supervisor.h"

namespace gotthard::supervisor {
namespace {

constexpr const char* kMade = " made";

Result<bool> make_directory(const std::string& path) {
  std::error_code error;
  const auto parent = std::filesystem::path(path).lexically_normal().parent_path();
  if (!parent.empty()) {
    std::filesystem::create_directories(parent, error);
  }
  if (mkdir(path.c_str(), 0700) == 0) {
    return true;
  }
  if (errno != EEXIST || !std::filesystem::is_directory(path, error)) {
    return fail("cannot make the directory {}: {}", path,
                errno == EEXIST ? "there is a file of that name" : std::strerror(errno));
  }
  return false;
}

// `gotthard down` and `wait` look whether the lock is held by taking it for an instant.
bool lock_patiently(int fd) {
  constexpr timespec kPause{0, 20'000'000};
  for (int attempt = 0; attempt < 10; ++attempt) {
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
      return true;
    }
    nanosleep(&kPause, nullptr);
  }
  return false;
}

void remove_dpdk_dir(const std::string& run_dir) {
  std::error_code error;
  std::filesystem::remove_all(run_dir + "/" + kDpdkDir, error);
}

bool same_file(int fd, const std::string& path) {
  struct stat opened {};
  struct stat named {};
  return fstat(fd, &opened) == 0 && stat(path.c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

// Opens and locks the pid file; one that its last owner removed meanwhile is opened anew.
Result<UniqueFd> lock_pid_file(const std::string& path, bool* running) {
  for (;;) {
    UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (!fd) {
      return fail("cannot open {}: {}", path, std::strerror(errno));
    }
    if (!lock_patiently(fd.get())) {
      *running = true;
      std::array<char, 16> pid{};
      (void)!pread(fd.get(), pid.data(), pid.size() - 1, 0);
      return fail(
          "a gateway runs with this run directory already (process {}, {}): stop it with `gotthard "
          "down`, or give this one another --run-dir and --state-dir",
          std::atoi(pid.data()), path);
    }
    if (same_file(fd.get(), path)) {
      return fd;
    }
  }
}

}  // namespace

Result<RunDir> RunDir::claim(const std::string& run_dir, const std::string& state_dir,
                             bool* running) {
  *running = false;
  const auto made = make_directory(run_dir);
  if (!made) {
    return tl::unexpected(made.error());
  }
  auto pid_file = lock_pid_file(run_dir + "/" + kPidFile, running);
  if (!pid_file) {
    return tl::unexpected(pid_file.error());
  }
  // "1234" and " made" when we made the directory, so that after a kill the next one removes it.
  std::array<char, 32> last{};
  (void)!pread(pid_file->get(), last.data(), last.size() - 1, 0);
  remove_dpdk_dir(run_dir);
  RunDir claimed(run_dir, *made || std::strstr(last.data(), kMade) != nullptr);
  claimed.pid_file_ = std::move(*pid_file);
  const std::string pid = fmt::format("{}{}\n", getpid(), claimed.made_ ? kMade : "");
  if (ftruncate(claimed.pid_file_.get(), 0) != 0 ||
      pwrite(claimed.pid_file_.get(), pid.data(), pid.size(), 0) !=
          static_cast<ssize_t>(pid.size())) {
    return fail("cannot write {}/{}: {}", run_dir, kPidFile, std::strerror(errno));
  }
  if (const auto state = make_directory(state_dir); !state) {
    return tl::unexpected(state.error());
  }
  claimed.state_lock_ = UniqueFd(open(state_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!claimed.state_lock_) {
    return fail("cannot open {}: {}", state_dir, std::strerror(errno));
  }
  if (!lock_patiently(claimed.state_lock_.get())) {
    *running = true;
    return fail(
        "another gateway uses the state directory {}: give this one another --state-dir too",
        state_dir);
  }
  return claimed;
}

RunDir::~RunDir() {
  if (path_.empty() || !pid_file_) {
    return;
  }
  remove_dpdk_dir(path_);
  unlink((path_ + "/" + kControlSocket).c_str());
  unlink((path_ + "/" + kPidFile).c_str());
  if (made_) {
    rmdir(path_.c_str());
  }
}

Result<UniqueFd> RunDir::listen_control() {
  const std::string path = path_ + "/" + kControlSocket;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return fail("the run directory's name is too long for a socket: {} has more than {} bytes",
                path, sizeof(address.sun_path) - 1);
  }
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  unlink(path.c_str());  // a killed gateway's; we hold the lock
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const mode_t mask = umask(0177);
  const bool bound =
      fd && bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  const int why = errno;
  umask(mask);
  if (!bound || listen(fd.get(), 64) != 0) {
    return fail("cannot listen on {}: {}", path, std::strerror(bound ? errno : why));
  }
  return fd;
}

Result<std::optional<pid_t>> running_supervisor(const std::string& run_dir) {
  const std::string path = run_dir + "/" + kPidFile;
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT) {
    return std::nullopt;
  }
  if (!fd) {
    return fail("cannot open {}: {}", path, std::strerror(errno));
  }
  if (flock(fd.get(), LOCK_SH | LOCK_NB) == 0) {
    return std::nullopt;
  }
  std::array<char, 16> text{};
  if (pread(fd.get(), text.data(), text.size() - 1, 0) <= 0) {
    return fail("{} is locked, but holds no process number yet: try again", path);
  }
  return std::atoi(text.data());
}

}  // namespace gotthard::supervisor
