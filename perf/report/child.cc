#include "perf/report/child.h"

#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/fd.h"

namespace gotthard::perf::report {
namespace {

// Files in memory, not pipes: a child never waits for us to read.
struct Output {
  UniqueFd out{memfd_create("stdout", MFD_CLOEXEC)};
  UniqueFd err{memfd_create("stderr", MFD_CLOEXEC)};
};

std::string contents(const UniqueFd& fd) {
  std::string text;
  std::array<char, 65536> part{};
  ssize_t size = 0;
  while ((size = pread(fd.get(), part.data(), part.size(), static_cast<off_t>(text.size()))) > 0) {
    text.append(part.data(), static_cast<std::size_t>(size));
  }
  while (!text.empty() && text.back() == '\n') {
    text.pop_back();
  }
  return text;
}

Result<pid_t> start(const Arguments& arguments, const Output& output) {
  std::string name = "gotthard-perf";
  std::vector<char*> argv{name.data()};
  for (const std::string& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, output.out.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output.err.get(), STDERR_FILENO);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, "/proc/self/exe", &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return fail("cannot start a process of this program: {}", std::strerror(error));
  }
  return pid;
}

}  // namespace

Result<nlohmann::ordered_json> run_self(Arguments arguments) {
  arguments.emplace_back("--json");
  const Output output;
  if (!output.out || !output.err) {
    return fail("cannot make a file in memory: {}", std::strerror(errno));
  }
  const auto pid = start(arguments, output);
  if (!pid) {
    return tl::unexpected(pid.error());
  }
  int status = 0;
  while (waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) {
    return fail("killed by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  }
  if (WEXITSTATUS(status) != 0) {
    const std::string why = contents(output.err);
    return fail("exit status {}: {}", WEXITSTATUS(status), why.empty() ? "it said nothing" : why);
  }
  auto object = nlohmann::ordered_json::parse(contents(output.out), nullptr, false);
  if (!object.is_object()) {
    return fail("printed no JSON object");
  }
  return object;
}

}  // namespace gotthard::perf::report
