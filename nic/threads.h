// Work that has to be done by every thread of this process, also by those of libraries.
#pragma once

#include <sys/types.h>

#include <optional>

#include "base/result.h"

namespace gotthard::nic {

struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
};

// Users and capabilities belong to a thread, and DPDK's threads are running when they are to be
// dropped. Interrupts every thread to become `identity`, without other groups, to give up its
// capabilities (ambient and, where CAP_SETPCAP allows it, bounding set too) and the right to gain
// any, and returns when the kernel says that all have.
Status drop_rights_of_all_threads(std::optional<Identity> identity);

}  // namespace gotthard::nic
