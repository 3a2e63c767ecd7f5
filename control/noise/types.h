// What the caller brings: addresses, times, random numbers and session ids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "base/clock.h"
#include "dataplane/abi/records.h"

namespace gotthard::noise {

using PeerNumber = std::uint32_t;

// Where datagrams come from or go to.
struct Endpoint {
  abi::Address address;
  std::uint16_t port = 0;  // network byte order
  bool operator==(const Endpoint&) const = default;
};

struct Time {
  Nanoseconds boot = 0;  // CLOCK_BOOTTIME: ages and timers
  Nanoseconds wall = 0;  // CLOCK_REALTIME: nothing but TAI64N
};

// Fills the span with random bytes. crypto::random_bytes, or a seeded generator in tests.
using Randomness = std::function<void(std::span<std::byte>)>;

// Receiver indices. An id that was named in an InstallSession is released by the caller, when the
// data plane has erased or refused it; the device releases those of abandoned handshakes.
struct SessionIds {
  std::function<std::optional<std::uint32_t>()> allocate;
  std::function<void(std::uint32_t)> release;
};

}  // namespace gotthard::noise
