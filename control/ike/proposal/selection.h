// Choosing among proposals (RFC 7296, sections 2.7 and 3.3.6).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "control/ike/message/sa_payload.h"

namespace gotthard::ike {

enum class KeyExchangeOf : std::uint8_t {
  proposal,  // a group is chosen like anything else
  ike_sa,    // the first child SA, whose keys come from the IKE SA's exchange: groups do not count
};

// As responder: one transform of each type. Ours are in our order of preference, which counts. With
// the number and SPI of the proposal that was offered, as it goes into the answer.
[[nodiscard]] std::optional<Proposal> choose(const std::vector<Proposal>& ours,
                                             const SecurityAssociation& offered,
                                             KeyExchangeOf key_exchange);

// As initiator: whether the answer is one that we have offered, with one transform of each type.
// With the SPI of the answer.
[[nodiscard]] std::optional<Proposal> accept(const std::vector<Proposal>& ours,
                                             const SecurityAssociation& answer,
                                             KeyExchangeOf key_exchange);

// The groups that `proposals` name, most wanted first; `none` among them where one goes without.
[[nodiscard]] std::vector<GroupId> groups_of(const std::vector<Proposal>& proposals);

// Without groups: what is offered for the first child SA (section 1.2).
[[nodiscard]] std::vector<Proposal> without_groups(std::vector<Proposal> proposals);

}  // namespace gotthard::ike
