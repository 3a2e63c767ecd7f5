// How far a long run is: on a terminal one line that changes, elsewhere a line a measurement.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>

namespace gotthard::perf::report {

class Progress {
 public:
  Progress(std::FILE* file, std::size_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void begin(const std::string& what);
  // What was begun last did not work; stays on the terminal.
  void failed(const std::string& why);

 private:
  std::FILE* file_;
  std::size_t total_;
  std::size_t begun_ = 0;
  bool terminal_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace gotthard::perf::report
