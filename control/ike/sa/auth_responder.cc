// IKE_AUTH, as its responder (RFC 7296, section 1.2).
#include "control/ike/sa/children.h"
#include "control/ike/sa/connecting.h"
#include "control/ike/sa/credentials.h"
#include "control/ike/sa/lifecycle.h"
#include "control/ike/sa/peers.h"
#include "control/ike/sa/transmit.h"

namespace gotthard::ike {
namespace {

// Each costs a signature's check, and a chain's.
constexpr std::size_t kMaxTried = 4;

struct Found {
  ConnectionPtr connection;
  PeerCheck check;
};

Found authenticate(const Turn& turn, const IkeSa& sa, const Payloads& payloads) {
  const Identification& id = *payloads.id_initiator;
  const Identity remote = identity_of(id);
  std::optional<Identity> local;
  if (payloads.id_responder) {
    local = identity_of(*payloads.id_responder);
  }
  auto candidates = connections_for(turn.core, sa, remote, local ? &*local : nullptr);
  if (candidates.empty()) {
    return {nullptr,
            {Cause::no_connection_for_identity,
             to_string(remote) + (local ? " asks for " + to_string(*local) : std::string()),
             {}}};
  }
  if (candidates.size() > kMaxTried) {
    candidates.resize(kMaxTried);
  }
  Found best{candidates.front(), {Cause::method_not_accepted, {}, {}}};
  for (const ConnectionPtr& connection : candidates) {
    PeerCheck check = check_peer(sa, connection->remote_auth, id, payloads, turn.now);
    if (check.cause == Cause::done) {
      return {connection, std::move(check)};
    }
    if (best.check.cause == Cause::method_not_accepted) {
      best = {connection, std::move(check)};
    }
  }
  return best;
}

void refuse(Turn& turn, IkeSa& sa, const Incoming& in, const PeerCheck& check) {
  send_error_response(turn, sa, ExchangeType::ike_auth,
                      Notify{.type = NotifyType::authentication_failed}, in.path, in.digest);
  turn.happened(sa, Stage::authentication, check.cause, check.text);
  turn.forget(sa);
}

// SAr2, TSi, TSr, or why there is no child; the IKE SA stays (section 1.2).
void answer_child(Turn& turn, IkeSa& sa, ChainWriter& chain, const Payloads& payloads,
                  const Nonces& nonces) {
  if (!payloads.sa && !payloads.ts_initiator && !payloads.ts_responder) {
    return;  // RFC 6023
  }
  const auto chosen = choose_child(sa, payloads, true, nullptr);
  if (!chosen) {
    add(chain, Notify{.type = chosen.error().type, .data = chosen.error().data});
    turn.happened(sa, Stage::child, chosen.error().cause, chosen.error().text);
    return;
  }
  const auto spi = add_chosen(turn, sa, *chosen, 0, {nonces, {}});
  if (!spi) {
    add(chain, Notify{.type = NotifyType::no_additional_sas});
    turn.happened(sa, Stage::child, Cause::no_spi, {}, chosen->settings->name);
    return;
  }
  add_answer(chain, *chosen, *spi, {}, nullptr);
}

void add_auth_lifetime(ChainWriter& chain, const ConnectionSettings& connection) {
  if (connection.reauth_time != 0) {
    Writer seconds;
    seconds.u32(static_cast<std::uint32_t>(connection.reauth_time / kSecond));
    add(chain, Notify{.type = NotifyType::auth_lifetime, .data = seconds.buffer()});
  }
}

}  // namespace

// HDR, SK {IDr, [CERT+,] AUTH, SAr2, TSi, TSr}
void on_auth_request(Turn& turn, IkeSa& sa, const Incoming& in, const Payloads& payloads) {
  // The initiator may have gone over to the ports of ESP in UDP (section 2.23).
  sa.path = in.path;
  sa.marked = in.marked;
  if (!payloads.id_initiator || !payloads.auth) {
    refuse(turn, sa, in,
           {Cause::method_not_accepted, "IDi or AUTH is missing: EAP is not done", {}});
    return;
  }
  Found found = authenticate(turn, sa, payloads);
  if (found.connection != nullptr) {
    sa.connection = found.connection;
  }
  if (found.check.cause != Cause::done) {
    refuse(turn, sa, in, found.check);
    return;
  }
  const ConnectionSettings& connection = *sa.connection;
  sa.local_id = connection.local_auth.id;
  sa.remote_id = identity_of(*payloads.id_initiator);
  sa.remote_chain = std::move(found.check.chain);
  if (!may_be(turn, sa)) {
    refuse(turn, sa, in, {Cause::not_unique, to_string(sa.remote_id), {}});
    return;
  }
  const auto auth = own_auth(sa, connection.local_auth);
  if (!auth) {
    refuse(turn, sa, in, {Cause::cannot_sign, {}, {}});
    return;
  }
  turn.core.half_open.remove(sa.spis.initiator, sa.first_path);
  const auto handshake = std::move(sa.handshake);
  ChainWriter chain;
  add(chain, PayloadType::id_responder, sa.local_id.payload());
  add_certificates(chain, connection.local_auth);
  add(chain, Authentication{auth->method, auth->data});
  add_auth_lifetime(chain, connection);
  established(turn, sa);
  answer_child(turn, sa, chain, payloads, {handshake->nonce_initiator, handshake->nonce_responder});
  send_response(turn, sa, ExchangeType::ike_auth, chain, in.path, in.digest);
  // When the new children are there.
  end_others(turn, sa, payloads.has(NotifyType::initial_contact));
}

}  // namespace gotthard::ike
