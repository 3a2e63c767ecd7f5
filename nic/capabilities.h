// What a process gives up once its ports are open.
#pragma once

#include "base/result.h"

namespace gotthard::nic {

// Drops every capability (bounding and ambient sets too), forbids new ones, and makes the process
// undumpable. Ports that are open stay so: sockets and VFIO descriptors need no capability any
// more.
Status drop_privileges();

}  // namespace gotthard::nic
