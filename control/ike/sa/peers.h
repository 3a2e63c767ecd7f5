// Which connections a peer may be of, and which authorities it is asked to be certified by.
#pragma once

#include <vector>

#include "control/ike/message/identity_payloads.h"
#include "control/ike/sa/core.h"

namespace gotthard::ike {

// By addresses alone, the more special first.
[[nodiscard]] std::vector<ConnectionPtr> connections_for(const Core& core, const Path& path);

// Those of `sa` that have agreed to its suite, by what the peer calls itself and, if it says that,
// us; the more special first.
[[nodiscard]] std::vector<ConnectionPtr> connections_for(const Core& core, const IkeSa& sa,
                                                         const Identity& remote,
                                                         const Identity* local);

// Hashes of the keys of trusted authorities; none where no certificate is wanted.
using Authorities = std::vector<std::array<std::uint8_t, 20>>;
[[nodiscard]] Authorities authorities_of(const RemoteAuth& auth);
[[nodiscard]] Authorities authorities_for(const Core& core, const Path& path);
void add_certificate_request(ChainWriter& chain, const Authorities& authorities);

}  // namespace gotthard::ike
