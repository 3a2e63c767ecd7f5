#include "control/noise/tai64n.h"

namespace gotthard::noise {
namespace {

// TAI64 labels: 2^62 is 1970 in TAI, which was ten seconds ahead of UTC. Leap seconds are left out,
// as every WireGuard does: only the order matters.
constexpr std::uint64_t kEpoch = (std::uint64_t{1} << 62) + 10;
constexpr std::uint32_t kStep = 1U << 24;

Tai64n encode(std::uint64_t seconds, std::uint32_t nanoseconds) {
  Tai64n label{};
  for (std::size_t i = 0; i < 8; ++i) {
    label[i] = static_cast<std::uint8_t>(seconds >> (56 - 8 * i));
  }
  for (std::size_t i = 0; i < 4; ++i) {
    label[8 + i] = static_cast<std::uint8_t>(nanoseconds >> (24 - 8 * i));
  }
  return label;
}

Tai64n after(const Tai64n& label) {
  std::uint64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    seconds = seconds << 8 | label[i];
  }
  for (std::size_t i = 8; i < 12; ++i) {
    nanoseconds = nanoseconds << 8 | label[i];
  }
  const std::uint64_t next = (std::uint64_t{nanoseconds} & ~std::uint64_t{kStep - 1}) + kStep;
  return next < kSecond ? encode(seconds, static_cast<std::uint32_t>(next))
                        : encode(seconds + 1, 0);
}

}  // namespace

Tai64n tai64n(Nanoseconds wall) {
  return encode(kEpoch + wall / kSecond, static_cast<std::uint32_t>(wall % kSecond) & ~(kStep - 1));
}

Tai64n next_tai64n(Nanoseconds wall, const Tai64n& last_sent) {
  const Tai64n now = tai64n(wall);
  return now > last_sent ? now : after(last_sent);
}

}  // namespace gotthard::noise
