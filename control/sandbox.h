// What control may still ask of the kernel once it is set up: no file, no socket, no program.
#pragma once

#include "base/result.h"

namespace gotthard::control {

// Core dumps off, memory locked as far as the limits allow, then a list of system calls that are
// allowed; any other ends the process. The last step of the start.
Status enter_sandbox();

}  // namespace gotthard::control
