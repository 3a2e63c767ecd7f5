// What of control others may see, and what it may still ask of the kernel once it is set up: no
// file, no socket, no program.
#pragma once

#include "base/result.h"

namespace gotthard::control {

// No core dumps, no other process of its user that looks into it, memory locked as far as the
// limits allow. Before there is any secret.
Status protect_memory();

// A list of system calls that are allowed; any other ends the process. The last step of the start.
Status enter_sandbox();

}  // namespace gotthard::control
