#include "perf/report/progress.h"

#include <fmt/format.h>
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
    fmt::print(file_, "{}{} of {}{}: {}", kClearLine, begun_, total_, left, what);
    std::fflush(file_);
  } else {
    fmt::print(file_, "{} of {}: {}\n", begun_, total_, what);
  }
}

void Progress::failed(const std::string& why) {
  fmt::print(file_, "{}failed: {}\n", terminal_ ? "\n" : "  ", why);
}

}  // namespace gotthard::perf::report
