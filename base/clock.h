// Times that are kept, compared or handed between processes are nanoseconds of CLOCK_BOOTTIME: it
// goes on while the machine sleeps and never jumps. Wall-clock time is only for TAI64N and for
// people.
#pragma once

#include <cstdint>
#include <ctime>

namespace gotthard {

using Nanoseconds = std::uint64_t;

inline constexpr Nanoseconds kMillisecond = 1'000'000;
inline constexpr Nanoseconds kSecond = 1'000'000'000;

[[nodiscard]] inline Nanoseconds clock_now(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<Nanoseconds>(now.tv_sec) * kSecond + static_cast<Nanoseconds>(now.tv_nsec);
}

[[nodiscard]] inline Nanoseconds boottime_now() { return clock_now(CLOCK_BOOTTIME); }
[[nodiscard]] inline Nanoseconds realtime_now() { return clock_now(CLOCK_REALTIME); }

}  // namespace gotthard
