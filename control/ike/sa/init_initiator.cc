// IKE_SA_INIT, as its initiator (RFC 7296, section 1.2).
#include <fmt/format.h>

#include <utility>

#include "control/ike/proposal/proposal_text.h"
#include "control/ike/proposal/selection.h"
#include "control/ike/sa/connecting.h"
#include "control/ike/sa/key_share.h"
#include "control/ike/sa/nat.h"
#include "control/ike/sa/transmit.h"

namespace gotthard::ike {
namespace {

// COOKIE and INVALID_KE_PAYLOAD are not authentic: they make us begin anew so often.
constexpr unsigned kMaxRestarts = 6;
constexpr std::size_t kMaxCookie = 64;

// HDR, [N(COOKIE)], SAi1, KEi, Ni
void send_init(Turn& turn, IkeSa& sa) {
  Handshake& handshake = *sa.handshake;
  const ConnectionSettings& connection = *sa.connection;
  ChainWriter chain;
  if (!handshake.cookie.empty()) {
    add(chain, Notify{.type = NotifyType::cookie, .data = handshake.cookie});
  }
  add(chain, SecurityAssociation{connection.proposals});
  add_key_exchange(chain, handshake.share);
  add_nonce(chain, handshake.nonce_initiator);
  add_nat_detection(turn, chain, connection, sa.spis, sa.path);
  if (connection.fragmentation) {
    add(chain, Notify{.type = NotifyType::fragmentation_supported});
  }
  const Buffer hashes = our_hash_algorithms();
  add(chain, Notify{.type = NotifyType::signature_hash_algorithms, .data = hashes});
  handshake.init_request = plain_message({.spi_initiator = sa.spis.initiator,
                                          .exchange = ExchangeType::ike_sa_init,
                                          .from_initiator = true},
                                         chain);
  send_init_request(turn, sa, handshake.init_request);
}

std::optional<Path> path_to(Turn& turn, const Connection& connection) {
  const ConnectionSettings& settings = *connection.settings;
  if (connection.remotes.empty()) {
    return std::nullopt;
  }
  const abi::Address& remote = connection.remotes[connection.place % connection.remotes.size()];
  const auto local = settings.local ? settings.local : turn.core.services.source(remote);
  if (!local || remote.family == abi::Family::none) {
    return std::nullopt;
  }
  const Limits& ports = turn.core.limits;
  const bool at_nat_port = settings.remote_port == settings.remote_nat_port;
  return Path{*local, at_nat_port ? ports.nat_port : ports.port, remote, settings.remote_port};
}

// True: the peer wants another first message.
bool restarted(Turn& turn, IkeSa& sa, const Payloads& payloads) {
  Handshake& handshake = *sa.handshake;
  const Notify* cookie = payloads.find(NotifyType::cookie);
  const Notify* other = payloads.find(NotifyType::invalid_ke_payload);
  if ((cookie == nullptr && other == nullptr) || handshake.restarts >= kMaxRestarts) {
    return false;
  }
  if (cookie != nullptr) {
    if (cookie->data.empty() || cookie->data.size() > kMaxCookie) {
      return false;
    }
    handshake.cookie.assign(cookie->data.begin(), cookie->data.end());
  } else {
    const auto group = other_group(*other, sa.connection->proposals, handshake.share.group);
    if (!group) {
      return false;
    }
    handshake.share = make_share(turn, *group);
  }
  ++handshake.restarts;
  send_init(turn, sa);
  return true;
}

void fail_init(Turn& turn, IkeSa& sa, const Notify& error) {
  if (error.type == NotifyType::no_proposal_chosen) {
    connecting_failed(turn, sa, Stage::init, Cause::no_common_proposal,
                      "ours " + to_string(sa.connection->proposals) + "; the peer wants others");
    return;
  }
  connecting_failed(turn, sa, Stage::init, Cause::refused,
                    fmt::format("notify {}", static_cast<unsigned>(error.type)));
}

// Float to the port of ESP in UDP (section 2.23).
void float_to_nat_port(Turn& turn, IkeSa& sa) {
  sa.marked = true;
  sa.path.local_port = turn.core.limits.nat_port;
  sa.path.remote_port = sa.connection->remote_nat_port;
}

}  // namespace

SaNumber begin_connecting(Turn& turn, Connection& connection, std::vector<std::string> children,
                          SaNumber replaces) {
  const auto path = path_to(turn, connection);
  if (!path) {
    turn.happened(Happened{.connection = connection.settings->name, .cause = Cause::no_address});
    return 0;
  }
  IkeSa& sa = turn.make_sa(turn.free_number(), connection.settings, *path, true);
  sa.marked = path->local_port == turn.core.limits.nat_port;
  sa.replaces = replaces;
  sa.handshake = std::make_unique<Handshake>();
  sa.handshake->begun = turn.now.boot;
  sa.handshake->children = std::move(children);
  sa.handshake->share = make_share(turn, group_for(connection.settings->proposals));
  sa.handshake->nonce_initiator = turn.random(kNonce);
  send_init(turn, sa);
  return sa.number;
}

void on_init_response(Turn& turn, IkeSa& sa, const Incoming& in, Bytes datagram) {
  const auto payloads = parse_payloads(in.header.next_payload, datagram.subspan(Header::kSize));
  if (!payloads || restarted(turn, sa, *payloads)) {
    return;
  }
  if (const Notify* error = payloads->error()) {
    fail_init(turn, sa, *error);
    return;
  }
  if (!payloads->sa || !payloads->ke || !payloads->nonce || in.header.spi_responder == 0) {
    return;
  }
  Handshake& handshake = *sa.handshake;
  const auto proposal = accept(sa.connection->proposals, *payloads->sa, KeyExchangeOf::proposal);
  const auto suite = proposal ? ike_suite(*proposal) : std::nullopt;
  if (!suite) {
    connecting_failed(turn, sa, Stage::init, Cause::no_common_proposal,
                      "ours " + to_string(sa.connection->proposals) + "; theirs " +
                          to_string(payloads->sa->proposals));
    return;
  }
  const auto secret = suite->group == handshake.share.group
                          ? shared_secret(handshake.share, *payloads->ke)
                          : std::nullopt;
  if (!secret) {
    connecting_failed(turn, sa, Stage::init, Cause::invalid_message,
                      "the peer's public value is no good");
    return;
  }
  sa.suite = *suite;
  sa.spis.responder = in.header.spi_responder;
  handshake.nonce_responder.assign(payloads->nonce->begin(), payloads->nonce->end());
  handshake.init_response.assign(datagram.begin(), datagram.end());
  const Nonces nonces{handshake.nonce_initiator, handshake.nonce_responder};
  sa.keys = derive_ike_keys(sa.suite, skeyseed(sa.suite.prf, nonces, *secret), nonces, sa.spis);
  handshake.share = {};
  sa.lowest_nonce = lower_nonce(nonces.initiator, nonces.responder);
  sa.peer.fragmentation = payloads->has(NotifyType::fragmentation_supported);
  sa.peer.childless = payloads->has(NotifyType::childless_ikev2_supported);
  sa.peer.hashes = parse_hash_algorithms(payloads->find(NotifyType::signature_hash_algorithms));
  sa.request.reset();
  // The responder knows its SPI when it hashes.
  const NatFound nat = find_nat(*payloads, sa.spis, in.path);
  sa.peer.nat_detection = nat.detection && sa.connection->encapsulation != UdpEncapsulation::never;
  sa.nat_here = sa.peer.nat_detection && nat.here;
  sa.nat_there = sa.peer.nat_detection && nat.there;
  if (sa.has_nat() && !sa.marked) {
    float_to_nat_port(turn, sa);
  }
  send_auth_request(turn, sa);
}

}  // namespace gotthard::ike
