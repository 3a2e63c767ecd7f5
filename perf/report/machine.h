// The machine that a report is of, in words.
#pragma once

#include <string>

namespace gotthard::perf::report {

struct Machine {
  std::string cpu;        // model
  unsigned cpus = 0;      // that this process may run on
  std::string flags;      // of the CPU, those that decide what the kernels and the clock can do
  std::string kernel;     // name and release
  std::string compiler;   // of this program
  std::string hugepages;  // of 2 MB: how many there are and how many are free
};

// What cannot be found out is "unknown".
[[nodiscard]] Machine this_machine();
// The line that this process was called by.
[[nodiscard]] std::string command_line();
// Now, UTC, as 2026-01-31T12:00:00Z.
[[nodiscard]] std::string date();

}  // namespace gotthard::perf::report
