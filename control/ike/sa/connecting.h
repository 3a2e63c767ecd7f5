// How an IKE SA comes to be: IKE_SA_INIT and IKE_AUTH (RFC 7296, sections 1.2, 2.6, 2.15, 2.23).
#pragma once

#include <string>
#include <vector>

#include "control/ike/message/payloads.h"
#include "control/ike/sa/core.h"

namespace gotthard::ike {

// What arrived, as far as it is understood.
struct Incoming {
  const Header& header;
  const Path& path;
  bool marked = false;
  MessageDigest digest{};  // of the datagram, or of the first fragment
};

// As initiator. `children` are asked for; the first of them in IKE_AUTH. `replaces`: the SA that is
// closed when this one is up. 0: it could not begin.
SaNumber begin_connecting(Turn& turn, Connection& connection, std::vector<std::string> children,
                          SaNumber replaces = 0);
void on_init_response(Turn& turn, IkeSa& sa, const Incoming& in, Bytes datagram);
void send_auth_request(Turn& turn, IkeSa& sa);
void on_auth_response(Turn& turn, IkeSa& sa, const Payloads& payloads);

// As responder.
void on_init_request(Turn& turn, const Incoming& in, Bytes datagram);
// The keys of a half-open SA, computed when its peer uses them. False: its public value is no good.
[[nodiscard]] bool derive_half_open_keys(IkeSa& sa);
void on_auth_request(Turn& turn, IkeSa& sa, const Incoming& in, const Payloads& payloads);

// It ends before it was up: tried again later where it is wanted.
void connecting_failed(Turn& turn, IkeSa& sa, Stage stage, Cause cause, std::string text);

}  // namespace gotthard::ike
