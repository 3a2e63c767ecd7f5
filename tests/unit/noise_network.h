// A clock, and a network that loses, doubles and reorders, in virtual time.
#pragma once

#include <functional>
#include <map>
#include <queue>
#include <random>
#include <tuple>
#include <vector>

#include "tests/unit/noise_testing.h"

namespace gotthard::noise::testing {

struct Packet {
  Endpoint from, to;
  Bytes handshake;  // or, when empty, a transport message:
  std::uint32_t receiver = 0;
  Key key{};
  bool data = false;
  std::uint64_t number = 0;
};

class Clock {
 public:
  [[nodiscard]] Nanoseconds now() const { return now_; }
  void at(Nanoseconds delay, std::function<void()> what) {
    events_.push({now_ + delay, serial_++, std::move(what)});
  }
  void run_for(Nanoseconds duration) {
    const Nanoseconds end = now_ + duration;
    while (!events_.empty() && events_.top().when <= end) {
      const Event event = events_.top();
      events_.pop();
      now_ = event.when;
      event.what();
    }
    now_ = end;
  }

 private:
  struct Event {
    Nanoseconds when;
    std::uint64_t serial;
    std::function<void()> what;
    bool operator<(const Event& other) const {
      return std::tie(when, serial) > std::tie(other.when, other.serial);
    }
  };
  std::priority_queue<Event> events_;
  Nanoseconds now_ = 1000 * kSecond;
  std::uint64_t serial_ = 0;
};

struct NetworkFaults {
  double loss = 0, duplication = 0;
  Nanoseconds latency = 5 * kMillisecond, spread = 0;  // spread beyond the gaps reorders
};

class Network {
 public:
  Network(Clock& clock, std::uint64_t seed) : clock_(clock), engine_(seed) {}
  NetworkFaults faults;
  std::map<std::uint16_t, std::function<void(const Packet&)>> hosts;  // by last address byte
  std::vector<Packet> handshakes;                                     // all that were sent

  void send(const Packet& packet) {
    if (!packet.handshake.empty()) {
      handshakes.push_back(packet);
    }
    for (int copy = chance(faults.duplication) ? 2 : 1; copy > 0; --copy) {
      if (!chance(faults.loss)) {
        const Nanoseconds extra = faults.spread == 0 ? 0 : engine_() % faults.spread;
        clock_.at(faults.latency + extra, [this, packet] {
          const auto host = hosts.find(packet.to.address.bytes[3]);
          if (host != hosts.end()) {
            host->second(packet);
          }
        });
      }
    }
  }
  bool chance(double probability) {
    return std::uniform_real_distribution<>(0, 1)(engine_) < probability;
  }

 private:
  Clock& clock_;
  std::mt19937_64 engine_;
};

}  // namespace gotthard::noise::testing
