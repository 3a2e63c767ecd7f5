#include "control/ike/sa/receive.h"

#include <algorithm>

#include "control/ike/keys/protection.h"
#include "control/ike/sa/child_exchange.h"
#include "control/ike/sa/connecting.h"
#include "control/ike/sa/ike_rekey.h"
#include "control/ike/sa/informational.h"
#include "control/ike/sa/schedule.h"
#include "control/ike/sa/transmit.h"
#include "crypto/digest.h"

namespace gotthard::ike {
namespace {

MessageDigest digest_of_message(Bytes datagram) {
  MessageDigest digest;
  crypto::hash(crypto::Digest::sha256, {datagram}, digest);
  return digest;
}

// RFC 7296, section 2.5: the answer names the version that we speak.
void refuse_version(Turn& turn, const Incoming& in) {
  ChainWriter chain;
  add(chain, Notify{.type = NotifyType::invalid_major_version});
  send_plain(turn, in.path, in.marked,
             {.spi_initiator = in.header.spi_initiator,
              .spi_responder = in.header.spi_responder,
              .exchange = in.header.exchange,
              .from_initiator = !in.header.from_initiator,
              .is_response = true,
              .message_id = in.header.message_id},
             chain);
}

IkeSa* find_sa(Core& core, const Header& header) {
  IkeSa* sa = core.sa(header.from_initiator ? header.spi_responder : header.spi_initiator);
  if (sa == nullptr || sa->initiator == header.from_initiator) {
    return nullptr;
  }
  const bool peer_unknown = sa->waiting_for<InitExchange>() != nullptr;
  const bool same = sa->spis == Spis{header.spi_initiator, header.spi_responder};
  return same || peer_unknown ? sa : nullptr;
}

// A duplicate of what was answered last is answered the same way (section 2.1).
bool is_duplicate(const IkeSa& sa, const Header& header) {
  return !header.is_response && sa.response && header.message_id == sa.response->id;
}

bool is_in_window(const IkeSa& sa, const Header& header) {
  if (header.is_response) {
    return sa.request && header.message_id == sa.request->id;
  }
  return header.message_id == sa.next_expected;
}

bool answers(const IkeSa& sa, const Header& header) {
  const Exchange& what = sa.request->what;
  if (std::holds_alternative<AuthExchange>(what)) {
    return header.exchange == ExchangeType::ike_auth;
  }
  const bool creates =
      std::holds_alternative<ChildOffer>(what) || std::holds_alternative<IkeOffer>(what);
  return header.exchange == (creates ? ExchangeType::create_child_sa : ExchangeType::informational);
}

bool is_expected(const IkeSa& sa, const Header& header) {
  if (header.is_response) {
    return answers(sa, header);
  }
  const bool auth = header.exchange == ExchangeType::ike_auth;
  return auth == (sa.state == IkeSa::State::half_open) &&
         (auth || header.exchange == ExchangeType::create_child_sa ||
          header.exchange == ExchangeType::informational);
}

// An authentic message, whole. `first_inside` of no payload at all is none.
struct Opened {
  PayloadType first_inside = PayloadType::none;
  Buffer chain;
  MessageDigest digest{};
};

std::optional<Opened> open_message(IkeSa& sa, const Header& header, Bytes datagram) {
  const auto outside = parse_chain(header.next_payload, datagram.subspan(Header::kSize));
  if (!outside || outside->empty() ||
      (outside->back().type != PayloadType::encrypted &&
       outside->back().type != PayloadType::encrypted_fragment)) {
    return std::nullopt;
  }
  const auto sealed = parse_sealed(outside->back());
  if (!sealed || (sealed->is_fragment() && !sa.connection->fragmentation) ||
      (sa.state == IkeSa::State::half_open && !derive_half_open_keys(sa))) {
    return std::nullopt;
  }
  auto text = open(message_suite(sa.suite), sa.peer_keys(), datagram, *sealed);
  if (!text) {
    return std::nullopt;
  }
  Opened opened{.first_inside = sealed->first_inside, .digest = digest_of_message(datagram)};
  if (!sealed->is_fragment()) {
    opened.chain = std::move(*text);
    return opened;
  }
  if (!header.is_response && sealed->number == 1) {
    sa.first_piece = opened.digest;
  }
  Reassembly& pieces = header.is_response ? sa.response_pieces : sa.request_pieces;
  auto whole = pieces.add(*sealed, *text);
  if (!whole) {
    return std::nullopt;
  }
  return Opened{whole->first_inside, std::move(whole->chain), sa.first_piece};
}

void refuse_message(Turn& turn, IkeSa& sa, const Incoming& in, const NotUnderstood& why) {
  if (in.header.is_response) {
    return;  // asked again, until it is given up
  }
  if (sa.state == IkeSa::State::half_open) {
    sa.marked = in.marked;
  }
  const auto payload = static_cast<std::byte>(why.payload);
  const bool critical = why.notify == NotifyType::unsupported_critical_payload;
  turn.happened(sa, Stage::established, Cause::invalid_message,
                critical ? "a critical payload is not known" : "no syntax");
  send_error_response(turn, sa, in.header.exchange,
                      Notify{.type = why.notify, .data = critical ? Bytes(&payload, 1) : Bytes()},
                      in.path, in.digest);
  if (sa.state == IkeSa::State::half_open) {
    turn.forget(sa);
  }
}

bool asks_for_ike_sa(const Payloads& payloads) {
  return payloads.sa && std::ranges::any_of(payloads.sa->proposals, [](const Proposal& proposal) {
           return proposal.protocol == Protocol::ike;
         });
}

void on_create_child_request(Turn& turn, IkeSa& sa, const Incoming& in, const Payloads& payloads) {
  // Section 2.25: not while it ends, is replaced, or is about to be.
  const bool ike = asks_for_ike_sa(payloads);
  if (!sa.usable() || !sa.settled || (!ike && sa.waiting_for<IkeOffer>() != nullptr)) {
    send_error_response(turn, sa, in.header.exchange, Notify{.type = NotifyType::temporary_failure},
                        in.path, in.digest);
  } else if (ike) {
    on_ike_rekey_request(turn, sa, in, payloads);
  } else {
    on_child_request(turn, sa, in, payloads);
  }
}

void on_request(Turn& turn, IkeSa& sa, const Incoming& in, const Payloads& payloads) {
  // With a window of 1 it has our last answer.
  for (ChildSa& child : sa.children) {
    child.tentative = false;
  }
  switch (in.header.exchange) {
    case ExchangeType::ike_auth:
      on_auth_request(turn, sa, in, payloads);
      break;
    case ExchangeType::create_child_sa:
      on_create_child_request(turn, sa, in, payloads);
      break;
    case ExchangeType::informational:
      on_informational_request(turn, sa, in, payloads);
      break;
    case ExchangeType::ike_sa_init:
      break;
  }
}

void on_response(Turn& turn, IkeSa& sa, const Payloads& payloads) {
  turn.touch(sa);
  if (sa.waiting_for<AuthExchange>() != nullptr) {
    on_auth_response(turn, sa, payloads);
  } else if (sa.waiting_for<ChildOffer>() != nullptr) {
    on_child_response(turn, sa, payloads);
  } else if (sa.waiting_for<IkeOffer>() != nullptr) {
    on_ike_rekey_response(turn, sa, payloads);
  } else {
    on_informational_response(turn, sa);
  }
}

// An authentic, new request of a peer behind a NAT comes from where it is now (section 2.23).
void follow(Turn& turn, IkeSa& sa, const Incoming& in) {
  sa.heard_at = turn.now.boot;
  const bool moved = sa.path.remote != in.path.remote || sa.path.remote_port != in.path.remote_port;
  if (!moved || in.header.is_response || !sa.nat_there || sa.nat_here || sa.handshake ||
      sa.marked != in.marked) {
    return;
  }
  sa.path.remote = in.path.remote;
  sa.path.remote_port = in.path.remote_port;
  turn.touch(sa);
  turn.act(PeerMoved{sa.connection->name, sa.number, sa.path});
}

}  // namespace

void receive(Turn& turn, Bytes datagram, const Path& path, bool marked) {
  const auto header = parse_header(datagram);
  if (!header) {
    return;
  }
  Incoming in{*header, path, marked};
  if (header->major_version() != 2) {
    if (header->major_version() > 2 && !header->is_response) {
      refuse_version(turn, in);
    }
    return;
  }
  const bool init = header->exchange == ExchangeType::ike_sa_init;
  if (init && !header->is_response) {
    if (header->from_initiator) {
      on_init_request(turn, in, datagram);
    }
    return;
  }
  IkeSa* sa = find_sa(turn.core, *header);
  if (sa == nullptr) {
    return;
  }
  if (init) {
    if (sa->waiting_for<InitExchange>() != nullptr) {
      on_init_response(turn, *sa, in, datagram);
    }
    return;
  }
  if (is_duplicate(*sa, *header)) {
    if (digest_of_message(datagram) == sa->response->request) {
      release_response(turn, *sa);
    }
    return;
  }
  if (!is_in_window(*sa, *header) || !is_expected(*sa, *header)) {
    return;
  }
  auto opened = open_message(*sa, *header, datagram);
  if (!opened) {
    return;
  }
  in.digest = opened->digest;
  follow(turn, *sa, in);
  const auto payloads = parse_payloads(opened->first_inside, opened->chain);
  if (!payloads) {
    refuse_message(turn, *sa, in, payloads.error());
  } else if (header->is_response) {
    on_response(turn, *sa, *payloads);
  } else {
    on_request(turn, *sa, in, *payloads);
  }
  run_tasks(turn, *sa);
}

}  // namespace gotthard::ike
