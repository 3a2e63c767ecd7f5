#include "control/ike/sa/ike_rekey.h"

#include <algorithm>

#include "control/ike/proposal/proposal_text.h"
#include "control/ike/proposal/selection.h"
#include "control/ike/sa/child_exchange.h"
#include "control/ike/sa/key_share.h"
#include "control/ike/sa/lifecycle.h"
#include "control/ike/sa/schedule.h"
#include "control/ike/sa/transmit.h"

namespace gotthard::ike {
namespace {

constexpr unsigned kMaxRestarts = 3;
constexpr std::uint8_t kIkeSpiSize = 8;
constexpr Nanoseconds kBusy = 2 * kSecond;
constexpr Nanoseconds kAgain = 60 * kSecond;

// HDR, SK {SA, Ni, KEi}
void send_offer(Turn& turn, IkeSa& sa, IkeOffer offer) {
  offer.nonce = turn.random(kNonce);
  ChainWriter chain;
  add(chain, SecurityAssociation{offer.proposals});
  add_nonce(chain, offer.nonce);
  add_key_exchange(chain, offer.share);
  if (!send_request(turn, sa, ExchangeType::create_child_sa, chain, std::move(offer))) {
    turn.happened(sa, Stage::rekey, Cause::fragments_too_many);
  }
}

// What both sides of a rekey know of the new SA.
struct Made {
  SaNumber number = 0;
  Spis spis;
  IkeSuite suite;
  Nonces nonces;
  const crypto::SecretBytes* secret = nullptr;
};

IkeSa& make_successor(Turn& turn, const IkeSa& old, const Made& made, bool initiator) {
  IkeSa& sa = turn.make_sa(made.number, old.connection, old.path, initiator);
  sa.state = IkeSa::State::established;
  sa.spis = made.spis;
  sa.suite = made.suite;
  const crypto::SecretBytes seed =
      skeyseed_of_rekey(old.suite.prf, old.keys.d, made.nonces, std::span(made.secret, 1));
  sa.keys = derive_ike_keys(sa.suite, seed, made.nonces, sa.spis);
  sa.marked = old.marked;
  sa.nat_here = old.nat_here;
  sa.nat_there = old.nat_there;
  sa.peer = old.peer;
  sa.local_id = old.local_id;
  sa.remote_id = old.remote_id;
  sa.remote_chain = old.remote_chain;
  sa.established_at = turn.now.boot;
  sa.lowest_nonce = lower_nonce(made.nonces.initiator, made.nonces.responder);
  sa.settled = false;
  set_ike_timers(turn, sa);
  sa.reauth_at = old.reauth_at;  // a rekey authenticates nobody
  turn.touch(sa);
  return sa;
}

void rekey_failed(Turn& turn, IkeSa& sa, const Notify& error) {
  if (sa.crossed != 0) {
    settle_for_peer(turn, sa);
    return;
  }
  const bool busy = error.type == NotifyType::temporary_failure;
  if (!busy) {
    const Refusal refusal = refusal_of(error);
    turn.happened(sa, Stage::rekey, refusal.cause, refusal.text);
  }
  const Nanoseconds wait = busy ? kBusy : kAgain;
  add_task(sa, Task{.kind = Task::Kind::rekey_ike,
                    .not_before = turn.now.boot + turn.around(wait, wait)});
}

bool again_with_other_group(Turn& turn, IkeSa& sa, IkeOffer& offer, const Notify& error) {
  const auto group = error.type == NotifyType::invalid_ke_payload
                         ? other_group(error, offer.proposals, offer.share.group)
                         : std::nullopt;
  if (!group || offer.restarts >= kMaxRestarts) {
    return false;
  }
  ++offer.restarts;
  offer.share = make_share(turn, *group);
  send_offer(turn, sa, std::move(offer));
  return true;
}

// Whoever made an SA that is not needed deletes it.
void end_redundant(Turn& turn, IkeSa& sa) {
  leave_to_peer(turn, sa);
  add_task(sa, Task{.kind = Task::Kind::delete_ike});
}

}  // namespace

void begin_ike_rekey(Turn& turn, IkeSa& sa) {
  IkeOffer offer{.number = turn.free_number(), .proposals = sa.connection->proposals};
  for (Proposal& proposal : offer.proposals) {
    proposal.spi = offer.number;
    proposal.spi_size = kIkeSpiSize;
  }
  offer.share = make_share(turn, group_for(offer.proposals, sa.suite.group));
  send_offer(turn, sa, std::move(offer));
}

void on_ike_rekey_response(Turn& turn, IkeSa& sa, const Payloads& payloads) {
  IkeOffer offer = std::move(*sa.waiting_for<IkeOffer>());
  sa.request.reset();
  if (!sa.usable()) {
    return;  // it ends: what the peer has made ends with silence
  }
  if (const Notify* error = payloads.error()) {
    if (!again_with_other_group(turn, sa, offer, *error)) {
      rekey_failed(turn, sa, *error);
    }
    return;
  }
  const auto proposal =
      payloads.sa ? accept(offer.proposals, *payloads.sa, KeyExchangeOf::proposal) : std::nullopt;
  const auto suite = proposal ? ike_suite(*proposal) : std::nullopt;
  const auto secret = suite && payloads.ke && suite->group == offer.share.group
                          ? shared_secret(offer.share, *payloads.ke)
                          : std::nullopt;
  if (!secret || !payloads.nonce || proposal->spi_size != kIkeSpiSize || proposal->spi == 0) {
    rekey_failed(turn, sa, Notify{.type = NotifyType::no_proposal_chosen});
    return;
  }
  IkeSa& made = make_successor(turn, sa,
                               {.number = offer.number,
                                .spis = {offer.number, proposal->spi},
                                .suite = *suite,
                                .nonces = {offer.nonce, *payloads.nonce},
                                .secret = &*secret},
                               true);
  IkeSa* crossed = turn.core.sa(sa.crossed);
  if (crossed == nullptr) {
    pass_on(turn, sa, made);
    add_task(sa, Task{.kind = Task::Kind::delete_ike});
    return;
  }
  // Section 2.8.1: the one with the lowest of the four nonces is deleted by whoever made it.
  if (made.lowest_nonce < crossed->lowest_nonce) {
    pass_on(turn, sa, *crossed);
    end_redundant(turn, made);
  } else {
    pass_on(turn, sa, made);
    add_task(sa, Task{.kind = Task::Kind::delete_ike});
    leave_to_peer(turn, *crossed);
  }
}

void on_ike_rekey_request(Turn& turn, IkeSa& sa, const Incoming& in, const Payloads& payloads) {
  constexpr ExchangeType kExchange = ExchangeType::create_child_sa;
  const auto refuse = [&](NotifyType type, Bytes data = {}) {
    send_error_response(turn, sa, kExchange, Notify{.type = type, .data = data}, in.path,
                        in.digest);
  };
  // Section 2.25.2: children first.
  if (sa.waiting_for<ChildOffer>() != nullptr || sa.waiting_for<DeleteChildren>() != nullptr) {
    refuse(NotifyType::temporary_failure);
    return;
  }
  const auto proposal = choose(sa.connection->proposals, *payloads.sa, KeyExchangeOf::proposal);
  const auto suite = proposal ? ike_suite(*proposal) : std::nullopt;
  if (!suite || proposal->spi_size != kIkeSpiSize || proposal->spi == 0) {
    turn.happened(sa, Stage::rekey, Cause::no_common_proposal,
                  "ours " + to_string(sa.connection->proposals) + "; theirs " +
                      to_string(payloads.sa->proposals));
    refuse(NotifyType::no_proposal_chosen);
    return;
  }
  if (!payloads.ke || payloads.ke->group != suite->group) {
    refuse(NotifyType::invalid_ke_payload, group_data(suite->group));
    return;
  }
  const KeyShare share = make_share(turn, suite->group);
  const auto secret = shared_secret(share, *payloads.ke);
  if (!secret || !payloads.nonce) {
    refuse(NotifyType::invalid_syntax);
    return;
  }
  const Buffer nonce = turn.random(kNonce);
  const SaNumber number = turn.free_number();
  IkeSa& made = make_successor(turn, sa,
                               {.number = number,
                                .spis = {proposal->spi, number},
                                .suite = *suite,
                                .nonces = {*payloads.nonce, nonce},
                                .secret = &*secret},
                               false);
  // HDR, SK {SA, Nr, KEr}
  ChainWriter chain;
  Proposal answer = *proposal;
  answer.spi = number;
  add(chain, SecurityAssociation{{std::move(answer)}});
  add_nonce(chain, nonce);
  add_key_exchange(chain, share);
  if (sa.waiting_for<IkeOffer>() != nullptr) {
    sa.crossed = number;
  }
  send_response(turn, sa, kExchange, chain, in.path, in.digest);
  if (sa.crossed == 0) {
    pass_on(turn, sa, made);
  }
}

void settle_for_peer(Turn& turn, IkeSa& sa) {
  if (IkeSa* crossed = turn.core.sa(sa.crossed)) {
    pass_on(turn, sa, *crossed);
  }
  sa.crossed = 0;
}

}  // namespace gotthard::ike
