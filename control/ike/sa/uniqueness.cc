// Several IKE SAs between the same two identities (RFC 7296, sections 2.4 and 2.8).
#include <algorithm>
#include <vector>

#include "control/ike/sa/lifecycle.h"
#include "control/ike/sa/schedule.h"

namespace gotthard::ike {
namespace {

// Both have begun without knowing of the other: the SAs came up within this time.
constexpr Nanoseconds kAtOnce = 30 * kSecond;

constexpr Nanoseconds kAnswered = 5 * kSecond;

bool same_peers(const IkeSa& a, const IkeSa& b) {
  return a.connection->name == b.connection->name && a.local_id == b.local_id &&
         a.remote_id == b.remote_id;
}

std::vector<IkeSa*> others_of(const Core& core, const IkeSa& sa) {
  std::vector<IkeSa*> result;
  for (const auto& [number, other] : core.sas) {
    if (other.get() != &sa && other->usable() && other->settled && same_peers(*other, sa)) {
      result.push_back(other.get());
    }
  }
  return result;
}

}  // namespace

bool may_be(const Turn& turn, const IkeSa& sa) {
  return sa.connection->unique != Unique::keep || others_of(turn.core, sa).empty();
}

bool is_first_contact(const Core& core, const IkeSa& sa) {
  return std::ranges::none_of(core.sas, [&](const auto& entry) {
    const IkeSa& other = *entry.second;
    return other.usable() && other.connection->name == sa.connection->name;
  });
}

void end_others(Turn& turn, IkeSa& sa, bool initial_contact) {
  for (IkeSa* other : others_of(turn.core, sa)) {
    // One that came up while this one was made is not what the peer has lost.
    const bool older = other->established_at < sa.first_heard_at;
    if (sa.connection->unique == Unique::never || !older) {
      continue;
    }
    if (initial_contact) {
      close_sa(turn, *other, Cause::replaced, "the peer has no other SA");
    } else if (sa.connection->unique == Unique::replace) {
      // The peer may not have our answer yet, and hears what is sealed with the old one.
      other->end_at = turn.now.boot + kAnswered;
    }
  }
}

void end_duplicate(Turn& turn, IkeSa& sa) {
  if (sa.connection->unique == Unique::never) {
    return;
  }
  for (const auto& [number, other] : turn.core.sas) {
    const bool begun = other->unanswered() && other->replaces == 0 &&
                       other->connection->name == sa.connection->name && !sa.initiator &&
                       !sa.connection->anywhere();
    if (begun) {
      turn.forget(*other);
    }
  }
  for (IkeSa* other : others_of(turn.core, sa)) {
    const bool at_once = other->initiator != sa.initiator && other->replaces == 0 &&
                         sa.replaces == 0 && sa.first_heard_at < other->established_at &&
                         turn.now.boot - other->established_at < kAtOnce;
    if (!at_once) {
      continue;
    }
    // As with rekeys that cross (section 2.8.1): whoever has made the one with the lowest nonce
    // deletes it.
    IkeSa& loser = sa.lowest_nonce < other->lowest_nonce ? sa : *other;
    if (loser.initiator) {
      loser.end_at = turn.now.boot + kSecond;
    }
  }
}

}  // namespace gotthard::ike
