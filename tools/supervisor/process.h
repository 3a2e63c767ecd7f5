// Starting and ending children.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace gotthard::supervisor {

struct Process {
  pid_t pid = -1;
  UniqueFd pidfd;  // readable when the process has ended
  [[nodiscard]] explicit operator bool() const { return pid > 0; }
};

// The child's own first steps, run in it; an error is reported as the parent's.
using Prepare = std::function<Status()>;

// Runs argv[0] with standard input from /dev/null, our standard output, the log's descriptor as
// standard error, the descriptors
// `keep` under their numbers and no other. It is killed when we die.
Result<Process> spawn(const std::vector<std::string>& argv, std::span<const int> keep,
                      const Prepare& prepare);

// Runs `body` in a copy of this process, after `prepare`, with standard input, output and error and
// the descriptor `keep` only; its result is the exit status.
Result<Process> fork_and_run(int keep, const Prepare& prepare, const std::function<int()>& body);

// What became of an ended process, in words; nothing while it runs.
std::optional<std::string> reap(const Process& process);
void send_signal(const Process& process, int signal);

// `name` beside our own executable, else in the libexec directory of our prefix, else in
// `directory` alone when that is given.
Result<std::string> find_executable(const std::string& name, const std::string& directory);

}  // namespace gotthard::supervisor
