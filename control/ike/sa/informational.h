// INFORMATIONAL: deletions, errors, and whether the peer lives (RFC 7296, sections 1.4 and 2.4).
#pragma once

#include "control/ike/message/payloads.h"
#include "control/ike/sa/connecting.h"
#include "control/ike/sa/core.h"

namespace gotthard::ike {

void begin_ike_delete(Turn& turn, IkeSa& sa);
// And all others that wait to be deleted.
void begin_child_delete(Turn& turn, IkeSa& sa, std::uint32_t local_spi);
void begin_liveness(Turn& turn, IkeSa& sa);
void on_informational_response(Turn& turn, IkeSa& sa);

void on_informational_request(Turn& turn, IkeSa& sa, const Incoming& in, const Payloads& payloads);

}  // namespace gotthard::ike
