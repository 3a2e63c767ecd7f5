// Keys of a child, and how it is handed to the data plane.
#pragma once

#include "control/ike/sa/children.h"

namespace gotthard::ike {

// Derives its keys and asks for its installation; it belongs to `sa` from now on.
void install(Turn& turn, IkeSa& sa, ChildSa child, const ChildSettings& settings,
             const ChildSecrets& secrets);

}  // namespace gotthard::ike
