// Messages that leave: requests with their repetition, responses with their cache (RFC 7296,
// sections 2.1 to 2.4).
#pragma once

#include "control/ike/message/chain.h"
#include "control/ike/message/notify_payload.h"
#include "control/ike/sa/core.h"

namespace gotthard::ike {

// An unprotected message, whole.
[[nodiscard]] Buffer plain_message(Header header, const ChainWriter& chain);
// Not of an SA: keeps nothing.
void send_plain(Turn& turn, const Path& path, bool marked, const Header& header,
                const ChainWriter& chain);

// Our request of IKE_SA_INIT; `message` is whole.
void send_init_request(Turn& turn, IkeSa& sa, Buffer message);
// Protected. Nothing may wait for a response. False: it is too long for the peer, and nothing was
// sent.
[[nodiscard]] bool send_request(Turn& turn, IkeSa& sa, ExchangeType exchange,
                                const ChainWriter& chain, Exchange what);
// A request whose response is of no interest any more.
void send_last_words(Turn& turn, IkeSa& sa, const ChainWriter& chain);
// Sent again, or given up, when it is time. False: given up.
[[nodiscard]] bool repeat_request(Turn& turn, IkeSa& sa);

// To the request that next_expected counts, from `path`. Children that are being installed are
// waited for.
void send_response(Turn& turn, IkeSa& sa, ExchangeType exchange, const ChainWriter& chain,
                   const Path& path, const MessageDigest& request);
void send_error_response(Turn& turn, IkeSa& sa, ExchangeType exchange, const Notify& error,
                         const Path& path, const MessageDigest& request);
// The cached one, unless it still waits.
void release_response(Turn& turn, IkeSa& sa);

}  // namespace gotthard::ike
