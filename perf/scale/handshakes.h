// How many handshakes a second a core of control makes: with simulated peers, over the real rings
// and a real data plane. Only what control does is counted, neither the data plane's part nor the
// peers'.
#pragma once

#include <cstdint>
#include <optional>

#include "perf/scale/bench.h"

namespace gotthard::perf::scale {

// Each handshake was answered as its peer expects, its session installed, and a packet under it
// opened (or, where the peer answered, sealed).
struct HandshakeRate {
  std::uint64_t handshakes = 0;
  double per_second = 0;  // the median of what was quiet
  double microseconds = 0;
  double per_second_with_disturbances = 0;  // all of them, in all the time that they took
  double quiet_share = 0;
};

struct Handshakes {
  std::uint32_t peers = 0;
  std::optional<HandshakeRate> responder;  // that peers began
  std::optional<HandshakeRate> rekeys;     // that control began, while the session before works
};

// `rekeys` takes 5 s longer: no peer is asked for another handshake before.
Result<Handshakes> measure_handshakes(const Bench& bench, std::uint32_t peers, bool responder,
                                      bool rekeys);

}  // namespace gotthard::perf::scale
