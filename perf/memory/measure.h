// The floor under any path: each packet's cache lines are read and written once, and nothing is
// done with them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace gotthard::perf::memory {

struct Question {
  std::uint32_t size = 1420;                 // bytes of a packet
  std::optional<std::uint32_t> working_set;  // buffers that take turns; none: 32, hot
  double seconds = 0.3;
};

struct Measurement {
  Question question;
  double cycles_per_packet = 0;  // ticks of the time stamp counter
  double gbit_per_second = 0;
  double quiet_share = 0;  // of the rounds, which alone count
  double tsc_hz = 0;
};

// An error when there is no memory for the buffers.
[[nodiscard]] Result<Measurement> measure(const Question& question, double tsc_hz);

[[nodiscard]] std::string json(const Measurement& measurement);
[[nodiscard]] std::string table(const Measurement& measurement);

}  // namespace gotthard::perf::memory
