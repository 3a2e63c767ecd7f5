// The CLI's end of control's local socket.
#pragma once

#include <string>

#include "base/result.h"
#include "control/mgmt/protocol.h"

namespace gotthard::cli {

// Failure codes of its own: "not_running" when nobody listens there, "no_answer" when the answer
// does not come.
[[nodiscard]] mgmt::Answer ask(const std::string& run_dir, std::string_view command,
                               const mgmt::Arguments& arguments);

}  // namespace gotthard::cli
