// Showing who we are, and checking who the peer is (RFC 7296, section 2.15; RFC 7427).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control/ike/message/payloads.h"
#include "control/ike/sa/core.h"

namespace gotthard::ike {

// Nothing: our key and the peer have no algorithm in common.
[[nodiscard]] std::optional<AuthData> own_auth(const IkeSa& sa, const LocalAuth& auth);
// [CERT+]: with certificates, our whole chain.
void add_certificates(ChainWriter& chain, const LocalAuth& auth);

struct PeerCheck {
  Cause cause = Cause::done;  // done: it is who it says
  std::string text;
  std::vector<crypto::Certificate> chain;  // by which it was authenticated
};
// `id`: IDi or IDr as the peer sent it. `auth`: what its connection asks of it.
[[nodiscard]] PeerCheck check_peer(const IkeSa& sa, const RemoteAuth& auth,
                                   const Identification& id, const Payloads& payloads, Time now);

// A chain that was good is so still, by authorities and lists of now.
[[nodiscard]] PeerCheck check_chain(const RemoteAuth& auth,
                                    const std::vector<crypto::Certificate>& chain, Time now);

}  // namespace gotthard::ike
