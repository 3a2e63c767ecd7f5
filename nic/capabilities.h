// What a process gives up once its ports are open.
#pragma once

#include <optional>

#include "base/result.h"
#include "nic/system_calls.h"
#include "nic/threads.h"

namespace gotthard::nic {

// For every thread that there is or will be: becomes another user where one is given, drops every
// capability, forbids new ones and the system calls that a data plane does not use, and makes the
// process undumpable. Opening ports is over; those that are open stay so. None of what drivers do
// later needs a capability: sockets, rings and VFIO descriptors are open.
Status drop_privileges(const DriverNeeds& needs = {}, std::optional<Identity> identity = {});

}  // namespace gotthard::nic
