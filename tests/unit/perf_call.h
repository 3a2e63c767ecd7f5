// A call of gotthard-perf in this process.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "perf/command.h"

namespace gotthard::perf {

struct Outcome {
  int status = -1;
  std::string out;
  std::string err;
};

inline Outcome call_perf(const char* verb, const std::vector<std::string>& options) {
  std::vector<const char*> argv{"gotthard-perf", verb};
  for (const std::string& option : options) {
    argv.push_back(option.c_str());
  }
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  Outcome outcome{.status = run(static_cast<int>(argv.size()), argv.data())};
  outcome.out = ::testing::internal::GetCapturedStdout();
  outcome.err = ::testing::internal::GetCapturedStderr();
  return outcome;
}

}  // namespace gotthard::perf
