// Everything that `gotthard up` reads before it changes anything: a bad file changes nothing.
#pragma once

#include "base/result.h"
#include "tools/supervisor/gateway.h"
#include "tools/supervisor/supervisor.h"

namespace gotthard::supervisor {

// The configuration, its text and its key files, opened. Errors are the operator's.
Result<Plan> read_configuration(const Options& options);
// The programs to start and the user for control.
Status find_programs(const Options& options, Plan* plan);

}  // namespace gotthard::supervisor
