// Work that has to be done by every thread of this process, also by those of libraries.
#pragma once

#include "base/result.h"

namespace gotthard::nic {

// Capabilities belong to a thread, and DPDK's threads are running when they are to be dropped.
// Interrupts every thread to give up its capabilities (ambient and, where CAP_SETPCAP allows it,
// bounding set too) and the right to gain any, and returns when the kernel says that all have.
Status drop_capabilities_of_all_threads();

}  // namespace gotthard::nic
