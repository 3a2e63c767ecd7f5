// When SAs are renewed, and what waits for its turn in an SA.
#pragma once

#include <string>

#include "control/ike/sa/core.h"

namespace gotthard::ike {

// Up to a tenth earlier: two ends with the same settings do not renew at once as a rule.
[[nodiscard]] Nanoseconds jittered(Turn& turn, Nanoseconds time);

// Once: what waits already is not added again.
void add_task(IkeSa& sa, Task task);
// The first that may begin by now. Nothing is begun while a request or a response waits.
void run_tasks(Turn& turn, IkeSa& sa);

// Of an SA that both ends have just made.
void set_ike_timers(Turn& turn, IkeSa& sa);

}  // namespace gotthard::ike
