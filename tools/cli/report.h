// How a verb that failed ends: a sentence for people or an object for programs, and the status.
#pragma once

#include "control/mgmt/protocol.h"

namespace gotthard::cli {

// The exit status for a failure's code.
[[nodiscard]] int exit_code(const mgmt::Failure& failure);

// Standard error, or with `as_json` standard output; returns the exit status.
int report(const mgmt::Failure& failure, bool as_json);

}  // namespace gotthard::cli
