// NAT detection (RFC 7296, section 2.23).
#pragma once

#include "control/ike/message/payloads.h"
#include "control/ike/sa/core.h"

namespace gotthard::ike {

// `spis` are those of the message's header. With forced encapsulation the source is none, so that
// the peer finds a NAT.
void add_nat_detection(Turn& turn, ChainWriter& chain, const ConnectionSettings& connection,
                       const Spis& spis, const Path& path);

struct NatFound {
  bool detection = false;  // the peer takes part
  bool here = false;       // before us
  bool there = false;      // before the peer
};
[[nodiscard]] NatFound find_nat(const Payloads& payloads, const Spis& spis, const Path& path);

}  // namespace gotthard::ike
