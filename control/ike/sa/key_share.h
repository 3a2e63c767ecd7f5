// Our side of a key exchange.
#pragma once

#include <optional>

#include "control/ike/message/key_payloads.h"
#include "control/ike/message/notify_payload.h"
#include "control/ike/sa/core.h"

namespace gotthard::ike {

inline constexpr std::size_t kNonce = 32;

[[nodiscard]] KeyShare make_share(Turn& turn, GroupId group);
void add_key_exchange(ChainWriter& chain, const KeyShare& share);
// Nothing: the peer's value is of another group, or no good.
[[nodiscard]] std::optional<crypto::SecretBytes> shared_secret(const KeyShare& share,
                                                               const KeyExchange& theirs);

// The first group that these name, `preferred` if it is among them; none: they name none.
[[nodiscard]] GroupId group_for(const std::vector<Proposal>& proposals,
                                GroupId preferred = GroupId::none);
// What INVALID_KE_PAYLOAD asks for, if it is among these and not `refused`.
[[nodiscard]] std::optional<GroupId> other_group(const Notify& notify,
                                                 const std::vector<Proposal>& proposals,
                                                 GroupId refused);
[[nodiscard]] Buffer group_data(GroupId group);

// Of several nonces, the lowest as RFC 7296, section 2.8.1, has it: compared byte by byte.
[[nodiscard]] Buffer lower_nonce(Bytes a, Bytes b);

}  // namespace gotthard::ike
