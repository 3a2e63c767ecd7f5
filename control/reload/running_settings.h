// The running configuration: the file's, with what was changed live.
#pragma once

#include "control/reload/settings.h"
#include "control/wireguard/tunnels.h"

namespace gotthard::control {

// Keys have names that no file has.
[[nodiscard]] Settings running_settings(const config::Config& file, const Tunnels& tunnels);

}  // namespace gotthard::control
