#include "base/log_output.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace gotthard::log {

void Output::open() {
  const std::lock_guard lock(mutex_);
  fd_ = STDERR_FILENO;
  own_.reset();
  struct stat status {};
  const int flags = fcntl(STDERR_FILENO, F_GETFL);
  if (flags < 0 || fstat(STDERR_FILENO, &status) != 0) {
    return;
  }
  socket_ = S_ISSOCK(status.st_mode);
  // A regular file never makes its writer wait, and our parent may have opened it for us.
  if (socket_ || S_ISREG(status.st_mode) || (flags & O_NONBLOCK) != 0) {
    return;
  }
  own_ =
      UniqueFd(::open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_APPEND | O_NOCTTY | O_CLOEXEC));
  if (own_) {
    fd_ = own_.get();
  } else {
    // Another user's: then all that have it do not wait any more.
    (void)fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK);
  }
}

// Up to PIPE_BUF bytes a pipe takes as a whole or not at all, so that lines of several processes
// never mix.
std::size_t Output::put(std::string_view text) {
  ssize_t size = 0;
  do {
    size = socket_ ? send(fd_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                   : write(fd_, text.data(), text.size());
  } while (size < 0 && errno == EINTR);
  return size > 0 ? static_cast<std::size_t>(size) : 0;
}

void Output::sink_it_(const spdlog::details::log_msg& message) {
  if (!rest_.empty()) {
    rest_.erase(0, put(rest_));
  }
  if (!rest_.empty()) {
    lost_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  spdlog::memory_buf_t line;
  formatter_->format(message, line);
  const std::size_t taken = put({line.data(), line.size()});
  if (taken == 0) {
    lost_.fetch_add(1, std::memory_order_relaxed);
  } else {
    rest_.assign(line.data() + taken, line.size() - taken);
  }
}

}  // namespace gotthard::log
