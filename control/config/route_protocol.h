// How kernel routes that are ours are told from others.
#pragma once

#include <cstdint>

namespace gotthard {

// rtm_protocol of every route that the supervisor makes (`ip route show proto 171`). Free in
// iproute2's rt_protos and not one of FRR's (186 to 197, of which it removes leftovers at its
// start).
inline constexpr std::uint8_t kRouteProtocol = 171;

}  // namespace gotthard
