// What a process gives up once its ports are open.
#pragma once

#include <span>
#include <string>

#include "base/result.h"
#include "nic/system_calls.h"

namespace gotthard::nic {

// What ports with these drivers still ask of the kernel after they have started. None needs a
// capability: sockets, rings and VFIO descriptors are open.
[[nodiscard]] Sockets sockets_needed(std::span<const std::string> drivers);

// For every thread that there is or will be: drops every capability, forbids new ones and the
// system calls that a data plane does not use, and makes the process undumpable. Opening ports is
// over; those that are open stay so.
Status drop_privileges(Sockets sockets = Sockets::local);

}  // namespace gotthard::nic
