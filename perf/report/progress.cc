#include "perf/report/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace gotthard::perf::report {
namespace {

constexpr const char* kClearLine = "\r\033[K";

// Those that are done say how long those that are left take.
std::string time_left(double elapsed, std::size_t done, std::size_t left) {
  if (done == 0) {
    return "";
  }
  const double seconds = elapsed / static_cast<double>(done) * static_cast<double>(left);
  return seconds < 90 ? fmt::format(", {:.0f} s left", seconds)
                      : fmt::format(", {:.0f} min left", seconds / 60);
}

// What a line of the terminal holds: of one that is wrapped only the last part could be cleared.
std::string cut_to_terminal(const std::string& line, std::FILE* file) {
  winsize size{};
  const bool known = ioctl(fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? line.substr(0, size.ws_col - 1U) : line;
}

}  // namespace

Progress::Progress(std::FILE* file, std::size_t total)
    : file_(file), total_(total), terminal_(isatty(fileno(file)) == 1) {}

Progress::~Progress() {
  if (terminal_) {
    std::fputs(kClearLine, file_);
  }
}

void Progress::begin(const std::string& what) {
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
  const std::string left = time_left(elapsed.count(), begun_, total_ - begun_);
  ++begun_;
  if (terminal_) {
    const std::string line = fmt::format("{} of {}{}: {}", begun_, total_, left, what);
    fmt::print(file_, "{}{}", kClearLine, cut_to_terminal(line, file_));
    std::fflush(file_);
  } else {
    fmt::print(file_, "{} of {}: {}\n", begun_, total_, what);
  }
}

void Progress::failed(const std::string& why) {
  fmt::print(file_, "{}failed: {}\n", terminal_ ? "\n" : "  ", why);
}

}  // namespace gotthard::perf::report
