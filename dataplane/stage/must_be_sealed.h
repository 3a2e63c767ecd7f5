// What comes in the clear for the gateway itself, from where a child's SAs lead (RFC 4301, 5.2 step
// 3a): it is discarded, as the answer would go into the tunnel, and its sender may be anybody.
#pragma once

#include "dataplane/packet.h"
#include "dataplane/worker_context.h"

namespace gotthard::dataplane {

// Of a local IP packet from the underlay, which is no tunnel's. IKE, neighbour discovery and ICMP's
// errors, which routers on the path send, go without.
[[nodiscard]] bool must_be_sealed(const Burst& burst, std::uint32_t i, const WorkerContext& worker);

}  // namespace gotthard::dataplane
