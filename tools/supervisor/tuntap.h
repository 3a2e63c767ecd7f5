// Kernel devices whose packets we read and write: a TAP as each port's twin, a TUN for each tunnel.
// They are gone when the last holder of the descriptor is.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace gotthard::supervisor {

enum class TunTap { tun, tap };

// Makes the device; one that exists is an error. Frames come without any header before them and
// with whole checksums. Non-blocking.
Result<UniqueFd> make_tuntap(const std::string& name, TunTap kind);

}  // namespace gotthard::supervisor
