// From a datagram to the exchange that it belongs to: headers, windows, decryption, fragments.
// Nothing changes before a message is known to be authentic, but for IKE_SA_INIT.
#pragma once

#include "control/ike/sa/core.h"

namespace gotthard::ike {

// `marked`: it came to our port of ESP in UDP, and its marker was taken off.
void receive(Turn& turn, Bytes datagram, const Path& path, bool marked);

}  // namespace gotthard::ike
