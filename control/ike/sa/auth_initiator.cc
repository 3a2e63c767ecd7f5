// IKE_AUTH, as its initiator (RFC 7296, section 1.2).
#include <fmt/format.h>

#include <algorithm>

#include "control/ike/sa/child_exchange.h"
#include "control/ike/sa/children.h"
#include "control/ike/sa/connecting.h"
#include "control/ike/sa/credentials.h"
#include "control/ike/sa/lifecycle.h"
#include "control/ike/sa/peers.h"
#include "control/ike/sa/schedule.h"
#include "control/ike/sa/transmit.h"

namespace gotthard::ike {
namespace {

// The first that is wanted and still configured.
std::optional<ChildOffer> first_child(Turn& turn, IkeSa& sa) {
  auto& wanted = sa.handshake->children;
  while (!wanted.empty()) {
    const ChildSettings* settings = sa.connection->child(wanted.front());
    wanted.erase(wanted.begin());
    if (settings != nullptr) {
      return make_offer(turn, sa, *settings, 0);
    }
  }
  // A peer that does not know RFC 6023 takes no IKE SA without a child.
  if (!sa.peer.childless && !sa.connection->children.empty()) {
    return make_offer(turn, sa, sa.connection->children.front(), 0);
  }
  return std::nullopt;
}

// Section 2.21.2: in an exchange of its own, whose answer does not matter.
void refuse_peer(Turn& turn, IkeSa& sa, const PeerCheck& check) {
  ChainWriter chain;
  add(chain, Notify{.type = NotifyType::authentication_failed});
  send_last_words(turn, sa, chain);
  connecting_failed(turn, sa, Stage::authentication, check.cause, check.text);
}

void refused(Turn& turn, IkeSa& sa, const Notify& error) {
  const Cause cause = error.type == NotifyType::authentication_failed
                          ? Cause::authentication_refused
                          : Cause::refused;
  connecting_failed(turn, sa, Stage::authentication, cause,
                    fmt::format("the peer's notify {}", static_cast<unsigned>(error.type)));
}

PeerCheck check_responder(const IkeSa& sa, const Payloads& payloads, Time now) {
  const RemoteAuth& wanted = sa.connection->remote_auth;
  const Identity id = identity_of(*payloads.id_responder);
  if (!wanted.id.matches(id)) {
    return {Cause::wrong_identity, to_string(id) + " instead of " + wanted.id.text(), {}};
  }
  return check_peer(sa, wanted, *payloads.id_responder, payloads, now);
}

}  // namespace

// HDR, SK {IDi, [CERT+,] [CERTREQ,] [IDr,] AUTH, SAi2, TSi, TSr}
void send_auth_request(Turn& turn, IkeSa& sa) {
  const ConnectionSettings& connection = *sa.connection;
  sa.local_id = connection.local_auth.id;
  const auto auth = own_auth(sa, connection.local_auth);
  if (!auth) {
    connecting_failed(turn, sa, Stage::authentication, Cause::cannot_sign, {});
    return;
  }
  ChainWriter chain;
  add(chain, PayloadType::id_initiator, sa.local_id.payload());
  add_certificates(chain, connection.local_auth);
  if (is_first_contact(turn.core, sa)) {
    add(chain, Notify{.type = NotifyType::initial_contact});
  }
  add_certificate_request(chain, authorities_of(connection.remote_auth));
  if (const Identity* remote = connection.remote_auth.id.exact()) {
    add(chain, PayloadType::id_responder, remote->payload());
  }
  add(chain, Authentication{auth->method, auth->data});
  AuthExchange exchange{first_child(turn, sa)};
  if (exchange.child) {
    add_offer(chain, *exchange.child, connection.child(exchange.child->name)->mode, true);
  }
  if (!send_request(turn, sa, ExchangeType::ike_auth, chain, std::move(exchange))) {
    connecting_failed(turn, sa, Stage::authentication, Cause::fragments_too_many, {});
  }
}

void on_auth_response(Turn& turn, IkeSa& sa, const Payloads& payloads) {
  AuthExchange exchange = std::move(*sa.waiting_for<AuthExchange>());
  const auto drop_child = [&] {
    if (exchange.child) {
      drop_offer(turn, *exchange.child);
    }
  };
  sa.request.reset();
  const Notify* error = payloads.error();
  if (!payloads.auth || !payloads.id_responder) {
    drop_child();
    if (error != nullptr) {
      refused(turn, sa, *error);
    } else {
      refuse_peer(turn, sa, {Cause::invalid_message, "IDr or AUTH is missing", {}});
    }
    return;
  }
  PeerCheck check = check_responder(sa, payloads, turn.now);
  if (check.cause != Cause::done) {
    drop_child();
    refuse_peer(turn, sa, check);
    return;
  }
  sa.remote_id = identity_of(*payloads.id_responder);
  sa.remote_chain = std::move(check.chain);
  const auto handshake = std::move(sa.handshake);
  established(turn, sa);
  // RFC 4478: the responder cannot ask for it otherwise.
  if (const Notify* lifetime = payloads.find(NotifyType::auth_lifetime)) {
    Reader reader(lifetime->data);
    const Nanoseconds time = reader.u32() * kSecond;
    if (reader.ok() && time != 0) {
      const Nanoseconds at = turn.now.boot + jittered(turn, time - time / 10);
      sa.reauth_at = sa.reauth_at == 0 ? at : std::min(sa.reauth_at, at);
    }
  }
  if (exchange.child) {
    const ChildOffer& offer = *exchange.child;
    auto up = error != nullptr
                  ? tl::expected<std::uint32_t, Refusal>(tl::unexpected(refusal_of(*error)))
                  : accept_answer(turn, sa, offer, payloads,
                                  {{handshake->nonce_initiator, handshake->nonce_responder}, {}});
    if (!up) {
      child_failed(turn, sa, offer.name, up.error());
      // The peer may have one that we do not want.
      drop_child_at_peer(turn, sa, offer, error == nullptr);
    }
  }
  for (const std::string& name : handshake->children) {
    add_task(sa, Task{.kind = Task::Kind::create_child, .child = name});
  }
}

}  // namespace gotthard::ike
