// Values that several of the operators' results have.
#pragma once

#include <string>

#include "base/clock.h"
#include "control/config/config.h"
#include "control/mgmt/protocol.h"

namespace gotthard::control {

// Seconds; null for never (0).
[[nodiscard]] inline mgmt::json seconds_since(Nanoseconds then, Nanoseconds now) {
  return then == 0 ? mgmt::json()
                   : mgmt::json(static_cast<double>(now > then ? now - then : 0) /
                                static_cast<double>(kSecond));
}
[[nodiscard]] inline mgmt::json seconds_until(Nanoseconds then, Nanoseconds now) {
  return then == 0 ? mgmt::json() : seconds_since(now, then);
}

// "192.0.2.2:4500", "[2001:db8::2]:4500"; host byte order.
[[nodiscard]] inline std::string place(const abi::Address& address, std::uint16_t port) {
  const std::string text = config::to_string(address);
  return fmt::format("{}:{}", address.family == abi::Family::ipv6 ? "[" + text + "]" : text, port);
}

}  // namespace gotthard::control
