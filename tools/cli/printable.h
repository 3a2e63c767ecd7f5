// Text that comes from control, for a terminal that may be root's: control faces the network, and
// what became of it must not get further by sequences that steer terminals.
#pragma once

#include <string>
#include <string_view>

namespace gotthard::cli {

// Control characters (C0, DEL, and C1 in UTF-8) become '?', ends of lines aside.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace gotthard::cli
