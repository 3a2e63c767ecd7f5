// What time brings about: repetition, renewal, liveness, ends; and what is wanted but not there.
#pragma once

#include "control/ike/sa/core.h"

namespace gotthard::ike {

// Some ten times a second.
void maintain(Turn& turn);
// Brings up what a connection wants and has not, when it is time.
void bring_up(Turn& turn, Connection& connection);

}  // namespace gotthard::ike
