// CREATE_CHILD_SA for children: new ones and rekeys (RFC 7296, sections 1.3.1, 1.3.3, 2.8, 2.25).
#pragma once

#include "control/ike/message/payloads.h"
#include "control/ike/sa/children.h"
#include "control/ike/sa/connecting.h"
#include "control/ike/sa/core.h"

namespace gotthard::ike {

// As initiator.
void begin_child(Turn& turn, IkeSa& sa, const std::string& name);
void begin_child_rekey(Turn& turn, IkeSa& sa, std::uint32_t local_spi);
void on_child_response(Turn& turn, IkeSa& sa, const Payloads& payloads);

// As responder, of a request that is not for an IKE SA.
void on_child_request(Turn& turn, IkeSa& sa, const Incoming& in, const Payloads& payloads);

// What the data plane makes of what it was asked to install.
void on_child_installed(Turn& turn, IkeSa& sa, std::uint32_t local_spi);
void on_child_refused(Turn& turn, IkeSa& sa, std::uint32_t local_spi);

// It comes to nothing for now: tried again later where it is wanted.
void child_failed(Turn& turn, const IkeSa& sa, const std::string& name, const Refusal& refusal);
[[nodiscard]] Refusal refusal_of(const Notify& error);
// The SPI of an offer is free, or, when the peer may have accepted it, deleted first.
void drop_child_at_peer(Turn& turn, IkeSa& sa, const ChildOffer& offer, bool accepted);

}  // namespace gotthard::ike
