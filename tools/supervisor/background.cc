#include "tools/supervisor/background.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "tools/supervisor/supervisor.h"

namespace gotthard::supervisor {

Result<std::optional<int>> Background::detach() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail("cannot make a pipe: {}", std::strerror(errno));
  }
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const pid_t pid = fork();
  if (pid < 0) {
    return fail("cannot go to the background: {}", std::strerror(errno));
  }
  if (pid > 0) {
    write_end.reset();
    unsigned char status = 0;
    ssize_t size = 0;
    do {
      size = read(read_end.get(), &status, 1);
    } while (size < 0 && errno == EINTR);
    return size == 1 ? status : kExitFailed;
  }
  setsid();
  // Who waits for the end of our output must not wait for the gateway's end; logs go on.
  const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null || dup2(null.get(), STDIN_FILENO) < 0 || dup2(null.get(), STDOUT_FILENO) < 0) {
    return fail("cannot leave the terminal: {}", std::strerror(errno));
  }
  pipe_ = std::move(write_end);
  return std::nullopt;
}

void Background::tell(int status) {
  if (pipe_) {
    const auto byte = static_cast<unsigned char>(status);
    (void)!write(pipe_.get(), &byte, 1);
    pipe_.reset();
  }
}

}  // namespace gotthard::supervisor
