// Checksums of what is carried in IP.
#pragma once

#include <cstddef>
#include <span>

#include "dataplane/wire/ip.h"

namespace gotthard::wire {

// Makes the checksum of a TCP segment or UDP datagram right for the addresses that `packet` has
// now; UDP over IPv4 that had none keeps none. Leaves fragments and other protocols alone. `packet`
// was taken by parse_ip(), as `parsed`.
void renew_transport_checksum(std::span<std::byte> packet, const IpPacket& parsed);

}  // namespace gotthard::wire
