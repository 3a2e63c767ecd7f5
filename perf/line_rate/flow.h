// What goes from one of the generator's ports to another (or back to the same).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/abi/address.h"
#include "dataplane/wire/ethernet.h"

namespace gotthard::perf::line_rate {

// Of UDP, so that devices spread flows by their ports.
struct Flow {
  std::size_t from = 0;  // numbers of ports
  std::size_t to = 0;
  abi::Address source;
  abi::Address destination;  // of the same family
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
};
inline constexpr std::size_t kMostFlows = 65536;

// The Ethernet addresses at a port: its own, and that of the device, to which frames are sent.
struct PortMacs {
  wire::Mac own{};
  wire::Mac gateway{};
};

}  // namespace gotthard::perf::line_rate
