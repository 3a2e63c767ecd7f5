#include "tools/supervisor/background.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

namespace gotthard::supervisor {

namespace {

constexpr const char* kWell = "ok";

// "ok", or "CODE ERROR".
Ending heard(int fd) {
  std::string told;
  std::array<char, 4096> part{};
  for (;;) {
    const ssize_t size = read(fd, part.data(), part.size());
    if (size < 0 && errno == EINTR) {
      continue;
    }
    if (size <= 0) {
      break;
    }
    told.append(part.data(), static_cast<std::size_t>(size));
  }
  if (told == kWell) {
    return std::nullopt;
  }
  const auto space = told.find(' ');
  if (space == std::string::npos) {
    return mgmt::Failure{"failed", "it ended as it started: its log says more"};
  }
  return mgmt::Failure{told.substr(0, space), told.substr(space + 1)};
}

}  // namespace

Result<std::optional<Ending>> Background::detach() {
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
    return heard(read_end.get());
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

bool Background::tell(const Ending& ending) {
  if (!pipe_) {
    return false;
  }
  const std::string words = ending ? ending->code + " " + ending->error : kWell;
  const bool told =
      write(pipe_.get(), words.data(), words.size()) == static_cast<ssize_t>(words.size());
  pipe_.reset();
  return told;
}

}  // namespace gotthard::supervisor
