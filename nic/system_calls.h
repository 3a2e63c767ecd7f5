// System calls that a data plane has no use for once its ports are open.
#pragma once

#include "base/result.h"

namespace gotthard::nic {

enum class Sockets {
  local,  // UNIX sockets only
  any,    // a driver asks its kernel half over network sockets
};

// For all threads, for good: forbidden calls fail with EPERM. A list of what is forbidden, as
// drivers call what they like.
Status forbid_system_calls(Sockets sockets);

}  // namespace gotthard::nic
