// How an IKE SA begins to be used and how it ends.
#pragma once

#include <string>

#include "control/ike/sa/core.h"

namespace gotthard::ike {

// Both sides have shown who they are; there is no child yet.
void established(Turn& turn, IkeSa& sa);

// Forgets it and its children, without a word to the peer.
void close_sa(Turn& turn, IkeSa& sa, Cause cause, const std::string& text = {});
// The same, and its children become what their settings say for this end.
void lose_sa(Turn& turn, IkeSa& sa, Cause cause, Restart ChildSettings::*ended_by);
// Tells the peer, then forgets it. Its children end at once, but for what late packets need of
// those whose traffic others carry by now.
void delete_sa(Turn& turn, IkeSa& sa, Cause cause);

// Children, and what waits for its turn, pass from an SA to the one that was made by its rekey.
void pass_on(Turn& turn, IkeSa& old, IkeSa& winner);
// The peer is to delete this one; it is done here when that takes too long.
void leave_to_peer(Turn& turn, IkeSa& sa);

// Of SAs between the same two identities, as the connection's `unique` says. False: this one may
// not be.
[[nodiscard]] bool may_be(const Turn& turn, const IkeSa& sa);
void end_others(Turn& turn, IkeSa& sa, bool initial_contact);
// No other SA of these identities is up: INITIAL_CONTACT may be said (RFC 7296, section 2.4).
[[nodiscard]] bool is_first_contact(const Core& core, const IkeSa& sa);
// Both sides have begun at the same time: one SA is enough.
void end_duplicate(Turn& turn, IkeSa& sa);

}  // namespace gotthard::ike
