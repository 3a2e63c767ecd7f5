// The rule that keeps the kernel from receiving on a device beneath a port: raw sockets and XDP get
// frames before the netdev ingress hook, everything else after it.
#pragma once

#include <string>

#include "base/result.h"

namespace gotthard::supervisor {

// Unique in the network namespace, and a valid name whatever the device's is.
[[nodiscard]] std::string ingress_table_name(int device_index);

// Fails when the table exists, as another gateway has this device then, unless it is to be
// replaced.
Status drop_ingress(const std::string& table, const std::string& device, bool replace);
Status remove_table(const std::string& table);  // one that is not there is no error

}  // namespace gotthard::supervisor
