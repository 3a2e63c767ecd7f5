// Proposals as swanctl.conf has them: words joined by '-', each adding an algorithm that is
// allowed, the more wanted ones first.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "control/ike/message/sa_payload.h"

namespace gotthard::ike {

// `protocol`: ike or esp. The error says which word, and what to write instead.
Result<Proposal> parse_proposal(std::string_view text, Protocol protocol, bool allow_legacy);

// Of a list as in `proposals` and `esp_proposals`; "default" and an empty list stand for
// default_proposals(). Numbered from 1.
Result<std::vector<Proposal>> parse_proposals(const std::vector<std::string>& texts,
                                              Protocol protocol, bool allow_legacy);

// Of ESP: with and without extended sequence numbers, no exchange of its own.
[[nodiscard]] std::vector<Proposal> default_proposals(Protocol protocol);

// For people: what was parsed comes out as it went in, but for the order of kinds.
[[nodiscard]] std::string to_string(const Proposal& proposal);
[[nodiscard]] std::string to_string(const std::vector<Proposal>& proposals);

}  // namespace gotthard::ike
