// What is between gateways that speak IKE, in virtual time.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "control/ike/sa/engine.h"
#include "tests/unit/ike_testing.h"
#include "tests/unit/simulation.h"

namespace gotthard::ike::testing {

inline abi::Address address(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  return {abi::Family::ipv4, {a, b, c, d}};
}
inline TrafficSelector net(std::uint8_t second) {
  return {.first = address(10, second, 0, 0), .last = address(10, second, 255, 255)};
}

class Clock : public simulation::Clock {
 public:
  static constexpr Nanoseconds kWallAhead = 1'790'000'000 * kSecond;

  [[nodiscard]] Nanoseconds boot() const { return simulation::Clock::now(); }
  [[nodiscard]] Time now() const { return {boot(), boot() - kStart + kWallAhead}; }
};

struct Sent {
  Path path;
  bool marked = false;
  Buffer bytes;
};

class Network : public simulation::Wire {
 public:
  using Wire::Wire;
  std::map<abi::Address, std::function<void(const Sent&)>> hosts;
  // May change what is on its way; false: it is dropped.
  std::function<bool(Sent&)> middle = [](Sent&) { return true; };
  std::vector<Sent> log;

  void send(Sent sent) {
    log.push_back(sent);
    if (!middle(sent)) {
      return;
    }
    carry([this, sent] {
      const auto host = hosts.find(sent.path.remote);
      if (host != hosts.end()) {
        host->second(sent);
      }
    });
  }
};

}  // namespace gotthard::ike::testing
