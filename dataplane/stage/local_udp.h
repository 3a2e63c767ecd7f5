// UDP for a local address: ours when a tunnel listens at its port, else the host's.
#pragma once

#include "dataplane/packet.h"
#include "dataplane/table/topology.h"
#include "dataplane/wire/ip.h"

namespace gotthard::dataplane {

enum class LocalUdp : std::uint8_t {
  hosts,
  data,
  handshake,
  esp,
  refused,  // the lane says why
};
// `packet` is the lane's, no fragment. Of what is ours the lane learns the UDP header and the
// length without what followed it; and the tunnel, but for ESP, where the SPI says which it is.
[[nodiscard]] LocalUdp find_listener(const wire::IpPacket& packet, const Topology& topology,
                                     Lane* lane);

}  // namespace gotthard::dataplane
