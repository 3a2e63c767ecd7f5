// System calls that a data plane still makes once its ports are open.
#pragma once

#include <span>
#include <string>

#include "base/result.h"

namespace gotthard::nic {

// What the ports' drivers ask of the kernel beside memory, time and the descriptors that are open.
struct DriverNeeds {
  bool devices = false;          // ioctl on open descriptors, files of sysfs (reading), threads
  bool local_sockets = false;    // a peer that comes and goes at a socket that is there
  bool network_sockets = false;  // a kernel half that is asked over sockets
  bool operator==(const DriverNeeds&) const = default;
};
[[nodiscard]] DriverNeeds needs_of(std::span<const std::string> drivers);

// For all threads, for good: any other call fails with EPERM. It does not end the process: a driver
// that meets the limit in some corner must not stop all traffic.
Status allow_only_system_calls(const DriverNeeds& needs);

}  // namespace gotthard::nic
