// CREATE_CHILD_SA for the IKE SA itself (RFC 7296, sections 1.3.2, 2.8, 2.18 and 2.25.2).
#pragma once

#include "control/ike/message/payloads.h"
#include "control/ike/sa/connecting.h"
#include "control/ike/sa/core.h"

namespace gotthard::ike {

void begin_ike_rekey(Turn& turn, IkeSa& sa);
void on_ike_rekey_response(Turn& turn, IkeSa& sa, const Payloads& payloads);
void on_ike_rekey_request(Turn& turn, IkeSa& sa, const Incoming& in, const Payloads& payloads);

// Two rekeys have crossed and ours has come to nothing: the peer's stays.
void settle_for_peer(Turn& turn, IkeSa& sa);

}  // namespace gotthard::ike
