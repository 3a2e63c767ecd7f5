// The change to a running interface that makes of one configuration of it the other.
#pragma once

#include "control/config/config.h"
#include "control/wireguard/change.h"
#include "control/wireguard/keys.h"

namespace gotthard::control {

// What both have alike is not touched, so that what was changed live meanwhile stays.
[[nodiscard]] InterfaceChange change_between(const config::WireGuard& from, const Keys& from_keys,
                                             const config::WireGuard& to, const Keys& to_keys);

}  // namespace gotthard::control
