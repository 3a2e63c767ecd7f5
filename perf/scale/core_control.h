// Whether two CPUs are two cores at the time: as other machines run beside this one, they may be
// threads of one, or not both at work.
#pragma once

#include "base/result.h"

namespace gotthard::perf::scale {

// What the first two workers' CPUs do together that use nothing but registers, and the first alone
// does 1. Takes about two milliseconds, on the caller's thread and the second worker's.
Result<double> core_control();

}  // namespace gotthard::perf::scale
