// Which packets belong together: those of one connection must keep their order.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/wire/ip.h"

namespace gotthard::wire {

// Over addresses, protocol and, where they can be seen, ports of a packet that parse_ip() has
// taken. Pieces of a packet have no ports in them: addresses and protocol alone count.
[[nodiscard]] std::uint32_t flow_hash(const std::byte* ip, std::size_t length, Family family);

}  // namespace gotthard::wire
