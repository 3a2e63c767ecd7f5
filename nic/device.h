// Device strings of the configuration: a PCI address, or the name and arguments of a DPDK virtual
// device. Pure text.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace gotthard::nic {

struct Device {
  std::string name;       // "0000:3b:00.0" or "net_af_packet0"
  std::string arguments;  // "key=value,..."; of a virtual device, completed
  bool pci = false;
};

// For net_af_packet adds, where the operator did not, one queue pair a worker and frames that hold
// the MTU (the kernel cuts larger ones off); for net_af_xdp the queue count; for net_memif slots
// that hold the MTU, so that a frame comes in one buffer. Packet sockets of net_af_packet get IPv4
// fragments reassembled by the kernel, so what was sent in fragments arrives as one packet or,
// where that is larger than a frame, cut off.
Result<Device> parse_device(const std::string& text, unsigned workers, std::uint16_t mtu);

// Bytes of a slot of a packet socket's ring, or of memif's, for frames of `mtu`. The drivers want
// packet buffers that are no smaller than what a slot can hold.
[[nodiscard]] std::uint32_t ring_frame_bytes(std::uint16_t mtu);

}  // namespace gotthard::nic
