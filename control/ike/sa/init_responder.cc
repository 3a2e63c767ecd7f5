// IKE_SA_INIT, as its responder: cheap checks first, and no state before a cookie where many ask
// (RFC 7296, sections 1.2 and 2.6; RFC 8019, section 4).
#include <fmt/format.h>

#include <algorithm>

#include "control/ike/proposal/proposal_text.h"
#include "control/ike/proposal/selection.h"
#include "control/ike/sa/connecting.h"
#include "control/ike/sa/key_share.h"
#include "control/ike/sa/nat.h"
#include "control/ike/sa/peers.h"
#include "control/ike/sa/transmit.h"

namespace gotthard::ike {
namespace {

// A proposal for each combination and a share of MODP-4096 are less than half of it.
constexpr std::size_t kMaxInitRequest = 8192;

// Keeps nothing, and is shorter than what it answers as a rule.
void refuse(Turn& turn, const Incoming& in, NotifyType type, Bytes data = {}) {
  ChainWriter chain;
  add(chain, Notify{.type = type, .data = data});
  send_plain(turn, in.path, in.marked,
             {.spi_initiator = in.header.spi_initiator,
              .exchange = ExchangeType::ike_sa_init,
              .is_response = true},
             chain);
}

// False: answered with a cookie, or dropped.
bool admitted(Turn& turn, const Incoming& in, const Payloads& payloads) {
  Core& core = turn.core;
  const std::size_t count = core.half_open.count();
  const std::size_t from_there = core.half_open.count_of(in.path.remote);
  if (count >= core.limits.half_open) {
    turn.happened(Happened{.stage = Stage::init,
                           .cause = Cause::too_many_half_open,
                           .text = fmt::format("{} at once", count),
                           .path = in.path});
    return false;
  }
  const bool cookie_wanted =
      count >= core.limits.cookies_from || from_there >= core.limits.half_open_per_source / 2;
  if (!cookie_wanted) {
    return true;
  }
  const Bytes nonce = *payloads.nonce;
  const Notify* cookie = payloads.find(NotifyType::cookie);
  if (cookie == nullptr || !core.cookies.valid(cookie->data, nonce, in.path.remote,
                                               in.header.spi_initiator, turn.now.boot)) {
    const Buffer fresh =
        core.cookies.make(nonce, in.path.remote, in.header.spi_initiator, turn.now.boot);
    refuse(turn, in, NotifyType::cookie, fresh);
    return false;
  }
  return from_there < core.limits.half_open_per_source;
}

struct Agreed {
  ConnectionPtr connection;
  Proposal proposal;
  IkeSuite suite;
};

std::optional<Agreed> agree(const Core& core, const Path& path, const SecurityAssociation& offer) {
  for (const ConnectionPtr& connection : connections_for(core, path)) {
    const auto proposal = choose(connection->proposals, offer, KeyExchangeOf::proposal);
    const auto suite = proposal ? ike_suite(*proposal) : std::nullopt;
    if (suite) {
      return Agreed{connection, *proposal, *suite};
    }
  }
  return std::nullopt;
}

void no_agreement(Turn& turn, const Incoming& in, const SecurityAssociation& offer) {
  const auto connections = connections_for(turn.core, in.path);
  Happened what{.stage = Stage::init, .cause = Cause::no_connection, .path = in.path};
  if (!connections.empty()) {
    what.connection = connections.front()->name;
    what.cause = Cause::no_common_proposal;
    what.text = "ours " + to_string(connections.front()->proposals) + "; theirs " +
                to_string(offer.proposals);
  }
  turn.happened(std::move(what));
  refuse(turn, in, NotifyType::no_proposal_chosen);
}

// HDR, SAr1, KEr, Nr, [CERTREQ]
Buffer init_response(Turn& turn, const IkeSa& sa, const Agreed& agreed) {
  const Handshake& handshake = *sa.handshake;
  ChainWriter chain;
  add(chain, SecurityAssociation{{agreed.proposal}});
  add_key_exchange(chain, handshake.share);
  add_nonce(chain, handshake.nonce_responder);
  add_nat_detection(turn, chain, *sa.connection, sa.spis, sa.path);
  const auto authorities = authorities_for(turn.core, sa.path);
  add_certificate_request(chain, authorities);
  if (sa.peer.fragmentation) {
    add(chain, Notify{.type = NotifyType::fragmentation_supported});
  }
  const Buffer hashes = our_hash_algorithms();
  add(chain, Notify{.type = NotifyType::signature_hash_algorithms, .data = hashes});
  add(chain, Notify{.type = NotifyType::childless_ikev2_supported});
  return plain_message({.spi_initiator = sa.spis.initiator,
                        .spi_responder = sa.spis.responder,
                        .exchange = ExchangeType::ike_sa_init,
                        .is_response = true},
                       chain);
}

void open_half(Turn& turn, const Incoming& in, Bytes datagram, const Payloads& payloads,
               const Agreed& agreed) {
  IkeSa& sa = turn.make_sa(turn.free_number(), agreed.connection, in.path, false);
  sa.state = IkeSa::State::half_open;
  sa.marked = in.marked;
  sa.spis.initiator = in.header.spi_initiator;
  sa.suite = agreed.suite;
  sa.next_expected = 1;
  // The initiator has hashed before it knew our SPI.
  const NatFound nat = find_nat(payloads, {sa.spis.initiator, 0}, in.path);
  sa.peer.nat_detection =
      nat.detection && agreed.connection->encapsulation != UdpEncapsulation::never;
  sa.nat_here = sa.peer.nat_detection && nat.here;
  sa.nat_there = sa.peer.nat_detection && nat.there;
  sa.peer.fragmentation =
      agreed.connection->fragmentation && payloads.has(NotifyType::fragmentation_supported);
  sa.peer.hashes = parse_hash_algorithms(payloads.find(NotifyType::signature_hash_algorithms));
  sa.handshake = std::make_unique<Handshake>();
  Handshake& handshake = *sa.handshake;
  handshake.begun = turn.now.boot;
  handshake.share = make_share(turn, agreed.suite.group);
  handshake.peer_share.assign(payloads.ke->data.begin(), payloads.ke->data.end());
  handshake.nonce_initiator.assign(payloads.nonce->begin(), payloads.nonce->end());
  handshake.nonce_responder = turn.random(kNonce);
  handshake.init_request.assign(datagram.begin(), datagram.end());
  handshake.init_response = init_response(turn, sa, agreed);
  sa.lowest_nonce = lower_nonce(handshake.nonce_initiator, handshake.nonce_responder);
  turn.core.half_open.add(sa.spis.initiator, sa.first_path, sa.number);
  turn.act(SendDatagram{sa.path, sa.marked, handshake.init_response});
}

}  // namespace

void on_init_request(Turn& turn, const Incoming& in, Bytes datagram) {
  const Header& header = in.header;
  if (header.spi_initiator == 0 || header.spi_responder != 0 || header.message_id != 0 ||
      datagram.size() > kMaxInitRequest) {
    return;
  }
  if (const IkeSa* sa = turn.core.sa(turn.core.half_open.find(header.spi_initiator, in.path))) {
    if (std::ranges::equal(sa->handshake->init_request, datagram)) {
      turn.act(SendDatagram{sa->path, sa->marked, sa->handshake->init_response});
    }
    return;
  }
  const auto payloads = parse_payloads(header.next_payload, datagram.subspan(Header::kSize));
  if (!payloads) {
    const auto payload = static_cast<std::byte>(payloads.error().payload);
    const bool critical = payloads.error().notify == NotifyType::unsupported_critical_payload;
    refuse(turn, in, payloads.error().notify, critical ? Bytes(&payload, 1) : Bytes());
    return;
  }
  if (!payloads->sa || !payloads->ke || !payloads->nonce) {
    refuse(turn, in, NotifyType::invalid_syntax);
    return;
  }
  if (!admitted(turn, in, *payloads)) {
    return;
  }
  const auto agreed = agree(turn.core, in.path, *payloads->sa);
  if (!agreed) {
    no_agreement(turn, in, *payloads->sa);
    return;
  }
  const auto dh = dh_group_of(agreed->suite.group);
  if (payloads->ke->group != agreed->suite.group) {
    refuse(turn, in, NotifyType::invalid_ke_payload, group_data(agreed->suite.group));
  } else if (payloads->ke->data.size() != crypto::dh_public_size(*dh)) {
    refuse(turn, in, NotifyType::invalid_syntax);
  } else {
    open_half(turn, in, datagram, *payloads, *agreed);
  }
}

bool derive_half_open_keys(IkeSa& sa) {
  Handshake& handshake = *sa.handshake;
  if (!sa.keys.d.empty()) {
    return true;
  }
  const auto secret =
      shared_secret(handshake.share, KeyExchange{handshake.share.group, handshake.peer_share});
  handshake.share = {};
  if (!secret) {
    return false;
  }
  const Nonces nonces{handshake.nonce_initiator, handshake.nonce_responder};
  sa.keys = derive_ike_keys(sa.suite, skeyseed(sa.suite.prf, nonces, *secret), nonces, sa.spis);
  return true;
}

}  // namespace gotthard::ike
