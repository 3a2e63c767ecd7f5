// What the caller of the engine brings: addresses, times, random numbers, SPIs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "base/clock.h"
#include "control/ike/message/header.h"
#include "dataplane/abi/records.h"

namespace gotthard::ike {

struct Time {
  Nanoseconds boot = 0;  // CLOCK_BOOTTIME: ages and timers
  Nanoseconds wall = 0;  // CLOCK_REALTIME: nothing but certificates, and what people read
};

// Between which addresses and ports (host byte order) a datagram goes.
struct Path {
  abi::Address local;
  std::uint16_t local_port = 0;
  abi::Address remote;
  std::uint16_t remote_port = 0;
  bool operator==(const Path&) const = default;
};

// An IKE SA by the SPI that we have chosen for it: unique here, another after a rekey.
using SaNumber = IkeSpi;

struct Services {
  // Fills the span with random bytes: crypto::random_bytes, or a seeded generator in tests.
  std::function<void(std::span<std::byte>)> random;
  // SPIs that peers send ESP to. One that was named in an InstallChild is released by the caller,
  // when the data plane has erased or refused it; the engine releases the others.
  std::function<std::optional<std::uint32_t>()> allocate_spi;
  std::function<void(std::uint32_t)> release_spi;
  // The address of ours from which packets to `remote` leave; nothing: there is no way to it.
  std::function<std::optional<abi::Address>(const abi::Address& remote)> source;
};

// What strangers can make us keep and compute is bounded by these.
struct Limits {
  std::uint16_t port = 500;
  std::uint16_t nat_port = 4500;          // of ESP in UDP, where messages have a marker before them
  std::size_t cookies_from = 32;          // half-open SAs, from which on IKE_SA_INIT needs a cookie
  std::size_t half_open = 1024;           // from which on it is not answered at all
  std::size_t half_open_per_source = 16;  // an IPv4 address, or an IPv6 /64
  Nanoseconds half_open_time = 30 * kSecond;
};

}  // namespace gotthard::ike
