// What DPDK's memif driver leaves to others. Its server makes a socket in the file system, which
// outlives it where it may not take it away any more, and then is in the way of the next one.
#pragma once

#include <string>

#include "nic/device.h"

namespace gotthard::nic {

// The file that this device will listen on; empty: none (another driver, a client, or a socket
// that is in no directory).
[[nodiscard]] std::string listening_file(const Device& device);

// Takes it away if nobody listens there.
void remove_stale_socket(const Device& device);

}  // namespace gotthard::nic
