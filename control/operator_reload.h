// The operators' commands around the configuration file.
#pragma once

#include "control/mgmt/protocol.h"

namespace gotthard::control {

class Gateway;

[[nodiscard]] mgmt::Handler reload_handler(Gateway* gateway);
[[nodiscard]] mgmt::Handler confirm_handler(Gateway* gateway);
[[nodiscard]] mgmt::Handler diff_handler(Gateway* gateway);

}  // namespace gotthard::control
