// Narrowing of traffic selectors (RFC 7296, section 2.9).
#pragma once

#include <vector>

#include "control/ike/message/ts_payload.h"
#include "control/ike/sa/settings.h"

namespace gotthard::ike {

// What both have. Of one selector and another at most one is left.
[[nodiscard]] TrafficSelectors narrowed(const TrafficSelectors& ours,
                                        const TrafficSelectors& offered);
// Every one of `part` lies in one of `whole`.
[[nodiscard]] bool within(const TrafficSelectors& part, const TrafficSelectors& whole);

// As configured; "dynamic" is `own`, all of it.
[[nodiscard]] TrafficSelectors selectors_of(const std::vector<TrafficSelector>& configured,
                                            const abi::Address& own);

}  // namespace gotthard::ike
