// Routes that are not followed, in the words of `ip route`, and why not.
#pragma once

#include <string>
#include <string_view>

#include "control/route/changes.h"

namespace gotthard::route {

[[nodiscard]] std::string to_string(const KernelRoute& route);
[[nodiscard]] std::string_view reason(Obstacle obstacle);

}  // namespace gotthard::route
