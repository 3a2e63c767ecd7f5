// A pair of ESP SAs, as their IKE SA knows it.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "control/ike/message/ts_payload.h"
#include "control/ike/proposal/suite.h"

namespace gotthard::ike {

struct ChildSa {
  enum class State : std::uint8_t {
    installing,  // the data plane has not answered yet
    up,
    replaced,  // another has taken its place; it is deleted next, by us or by the peer
    deleting,  // our DELETE is on its way or waits for its turn
  };

  std::string name;
  std::uint32_t local_spi = 0;
  std::uint32_t remote_spi = 0;
  std::uint32_t replaces = 0;  // local SPI of the one before
  EspSuite suite;
  bool transport = false;
  bool udp = false;
  bool initiator = false;    // our exchange made it
  bool handed_over = false;  // named in an InstallChild
  bool waits = false;        // after_first_inbound: the one before is sealed with
  // The peer has asked for it, and may not have our answer yet: it does not know our SPI.
  bool tentative = false;
  State state = State::installing;
  TrafficSelectors local_ts;
  TrafficSelectors remote_ts;
  Nanoseconds rekey_at = 0;   // 0: never
  Nanoseconds expire_at = 0;  // 0: never

  [[nodiscard]] bool live() const { return state == State::installing || state == State::up; }
};

}  // namespace gotthard::ike
