// What the manager tells control.
#pragma once

#include <cstdint>
#include <variant>

#include "dataplane/abi/address.h"

namespace gotthard::abi {

enum class Refusal : std::uint8_t {
  invalid = 1,      // a field out of range, or naming what does not exist
  key_reused = 2,   // this key was installed before in the data plane's life
  slot_in_use = 3,  // the id's slot still holds a session (retired ones included)
  no_memory = 4,
};
// The answer to SessionInstall.
struct SessionInstalled {
  std::uint32_t local_id = 0;
};
struct CommandRefused {
  std::uint64_t serial = 0;
  std::uint32_t local_id = 0;  // of a SessionInstall, else 0
  Refusal reason = Refusal::invalid;
};
// First packet under a responder's session was opened: it is `current` now.
struct SessionConfirmed {
  std::uint32_t local_id = 0;
};
// Keys are wiped, no worker refers to it: the slot may be used again.
struct SessionErased {
  std::uint32_t local_id = 0;
};
// A packet was routed to a peer that has no session to seal with. At most one per peer and second.
struct NeedHandshake {
  std::uint32_t peer = 0;
};
// An address on-link at `port` has no resolved neighbour. At most one per address and second.
struct NeedNeighbour {
  std::uint16_t port = 0;
  Address address;
};
// An authenticated packet of the peer came from elsewhere than its endpoint.
struct EndpointMoved {
  std::uint32_t peer = 0;
  std::uint32_t local_id = 0;
  Address remote;
  Address local;
  std::uint16_t remote_port = 0;  // network byte order
};
// Every command up to this serial has been carried out or refused (sent after TablesCommit and
// ResyncEnd).
struct Applied {
  std::uint64_t serial = 0;
};
struct PortState {
  std::uint16_t port = 0;
  std::uint8_t link_up = 0;
};
// A soft limit of an SA was reached, or a hard one: it should be replaced.
struct SaAging {
  std::uint32_t local_id = 0;
  std::uint8_t hard = 0;
};

using EventBody =
    std::variant<SessionInstalled, CommandRefused, SessionConfirmed, SessionErased, NeedHandshake,
                 NeedNeighbour, EndpointMoved, Applied, PortState, SaAging>;

}  // namespace gotthard::abi
