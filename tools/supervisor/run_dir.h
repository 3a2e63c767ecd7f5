// The run directory belongs to one running gateway, the state directory too: both are locked.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace gotthard::supervisor {

class RunDir {
 public:
  // Makes the directories (0700) where they are missing. `*running` tells an error that means
  // another gateway from others.
  static Result<RunDir> claim(const std::string& run_dir, const std::string& state_dir,
                              bool* running);
  RunDir(RunDir&&) = default;
  RunDir& operator=(RunDir&&) = default;
  // Removes what was made in the run directory, and the directory when we made it.
  ~RunDir();

  // The socket on which control answers operators: SOCK_STREAM, listening, 0600.
  Result<UniqueFd> listen_control();

 private:
  RunDir(std::string path, bool made) : path_(std::move(path)), made_(made) {}

  std::string path_;  // empty once moved from
  bool made_ = false;
  UniqueFd pid_file_;
  UniqueFd state_lock_;
};

// The supervisor that holds the run directory's lock; nothing when no gateway runs there.
Result<std::optional<pid_t>> running_supervisor(const std::string& run_dir);

}  // namespace gotthard::supervisor
