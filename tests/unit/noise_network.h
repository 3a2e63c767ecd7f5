// A network of handshakes and of packets under their keys, in virtual time.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "tests/unit/noise_testing.h"
#include "tests/unit/simulation.h"

namespace gotthard::noise::testing {

struct Packet {
  Endpoint from, to;
  Bytes handshake;  // or, when empty, a transport message:
  std::uint32_t receiver = 0;
  Key key{};
  bool data = false;
  std::uint64_t number = 0;
};

using simulation::Clock;

class Network : public simulation::Wire {
 public:
  using Wire::Wire;
  std::map<std::uint16_t, std::function<void(const Packet&)>> hosts;  // by last address byte
  std::vector<Packet> handshakes;                                     // all that were sent

  void send(const Packet& packet) {
    if (!packet.handshake.empty()) {
      handshakes.push_back(packet);
    }
    carry([this, packet] {
      const auto host = hosts.find(packet.to.address.bytes[3]);
      if (host != hosts.end()) {
        host->second(packet);
      }
    });
  }
};

}  // namespace gotthard::noise::testing
