// CREATE_CHILD_SA for children, as its initiator (RFC 7296, sections 1.3.1, 1.3.3, 2.8 and 2.25).
#include <fmt/format.h>

#include <algorithm>

#include "control/ike/proposal/proposal_text.h"
#include "control/ike/sa/child_exchange.h"
#include "control/ike/sa/key_share.h"
#include "control/ike/sa/lifecycle.h"
#include "control/ike/sa/schedule.h"
#include "control/ike/sa/transmit.h"

namespace gotthard::ike {
namespace {

constexpr unsigned kMaxRestarts = 3;
// After TEMPORARY_FAILURE (section 2.25), and after another refusal of a rekey.
constexpr Nanoseconds kBusy = 2 * kSecond;
constexpr Nanoseconds kRekeyAgain = 30 * kSecond;
constexpr Nanoseconds kPeerDeletes = 60 * kSecond;

// HDR, SK {[N(REKEY_SA)], SA, Ni, [KEi], TSi, TSr}
void send_offer(Turn& turn, IkeSa& sa, ChildOffer offer) {
  const ChildSettings* settings = sa.connection->child(offer.name);
  offer.nonce = turn.random(kNonce);
  ChainWriter chain;
  if (const ChildSa* old = sa.child_by_local(offer.replaces)) {
    add(chain,
        Notify{.protocol = Protocol::esp, .type = NotifyType::rekey_sa, .spi = old->local_spi});
  }
  add_offer(chain, offer, settings->mode, false);
  const ChildOffer lost{.local_spi = offer.local_spi};
  if (!send_request(turn, sa, ExchangeType::create_child_sa, chain, std::move(offer))) {
    drop_offer(turn, lost);
    child_failed(turn, sa, settings->name, {Cause::fragments_too_many, {}});
  }
}

void begin(Turn& turn, IkeSa& sa, const std::string& name, const ChildSa* old) {
  const ChildSettings* settings = sa.connection->child(name);
  if (settings == nullptr) {
    return;
  }
  auto offer = make_offer(turn, sa, *settings, old != nullptr ? old->local_spi : 0);
  if (!offer) {
    child_failed(turn, sa, name, {Cause::no_spi, {}});
    return;
  }
  const GroupId before = old != nullptr ? old->suite.group : GroupId::none;
  offer->share = make_share(
      turn, group_for(offer->proposals, before != GroupId::none ? before : sa.suite.group));
  send_offer(turn, sa, std::move(*offer));
}

bool again_with_other_group(Turn& turn, IkeSa& sa, ChildOffer& offer, const Notify& error) {
  const auto group = other_group(error, offer.proposals, offer.share.group);
  if (!group || offer.restarts >= kMaxRestarts || sa.connection->child(offer.name) == nullptr) {
    return false;
  }
  ++offer.restarts;
  offer.share = make_share(turn, *group);
  send_offer(turn, sa, std::move(offer));
  return true;
}

// The old one goes on, unless another has taken its place.
void rekey_failed(Turn& turn, IkeSa& sa, const ChildOffer& offer, const Notify& error) {
  ChildSa* old = sa.child_by_local(offer.replaces);
  if (old == nullptr) {
    return;
  }
  if (offer.crossing) {
    old->state = ChildSa::State::replaced;
    old->expire_at = turn.now.boot + kPeerDeletes;
    return;
  }
  if (old->state != ChildSa::State::up) {
    return;
  }
  if (error.type == NotifyType::child_sa_not_found && !old->tentative) {
    const std::string name = offer.name;
    remove_child(turn, sa, offer.replaces, Cause::child_not_found);
    if (sibling(turn.core, sa, name, 0) == nullptr) {
      add_task(sa, Task{.kind = Task::Kind::create_child, .child = name});
    }
    return;
  }
  const bool busy = error.type == NotifyType::temporary_failure || old->tentative;
  if (!busy) {
    const Refusal refusal = refusal_of(error);
    turn.happened(sa, Stage::child, refusal.cause, refusal.text, offer.name);
  }
  const Nanoseconds wait = busy ? kBusy : kRekeyAgain;
  add_task(sa, Task{.kind = Task::Kind::rekey_child,
                    .local_spi = offer.replaces,
                    .not_before = turn.now.boot + turn.around(wait, wait)});
}

void offer_failed(Turn& turn, IkeSa& sa, ChildOffer& offer, const Notify& error) {
  const bool other_share = error.type == NotifyType::invalid_ke_payload;
  if (other_share && again_with_other_group(turn, sa, offer, error)) {
    return;
  }
  drop_offer(turn, offer);
  if (offer.replaces != 0) {
    rekey_failed(turn, sa, offer, error);
  } else if (error.type == NotifyType::temporary_failure) {
    add_task(sa, Task{.kind = Task::Kind::create_child,
                      .child = offer.name,
                      .not_before = turn.now.boot + turn.around(kBusy, kBusy)});
  } else {
    child_failed(turn, sa, offer.name, refusal_of(error));
  }
}

// Section 2.8.1: of two that were made at once, the one with the lowest of the four nonces is
// deleted by whoever made it, and the old one by the other.
bool lost_to_peer(const ChildOffer& offer, Bytes answered) {
  return offer.crossing && lower_nonce(offer.nonce, answered) < offer.crossing->lowest_nonce;
}

// The peer has ended it again, before we had its answer.
bool was_deleted(const ChildOffer& offer, const Payloads& answer) {
  return answer.sa && answer.sa->proposals.size() == 1 &&
         std::ranges::find(offer.deleted, answer.sa->proposals.front().spi) != offer.deleted.end();
}

}  // namespace

void begin_child(Turn& turn, IkeSa& sa, const std::string& name) {
  if (sibling(turn.core, sa, name, 0) == nullptr) {
    begin(turn, sa, name, nullptr);
  }
}

void begin_child_rekey(Turn& turn, IkeSa& sa, std::uint32_t local_spi) {
  const ChildSa* old = sa.child_by_local(local_spi);
  if (old != nullptr && old->state == ChildSa::State::up) {
    const ChildSa copy = *old;
    begin(turn, sa, copy.name, &copy);
  }
}

void on_child_response(Turn& turn, IkeSa& sa, const Payloads& payloads) {
  ChildOffer offer = std::move(*sa.waiting_for<ChildOffer>());
  sa.request.reset();
  const bool usable = sa.usable() && sa.connection->child(offer.name) != nullptr;
  if (const Notify* error = payloads.error()) {
    if (usable) {
      offer_failed(turn, sa, offer, *error);
    } else {
      drop_offer(turn, offer);
    }
    return;
  }
  if (!usable || !payloads.nonce || lost_to_peer(offer, *payloads.nonce)) {
    drop_child_at_peer(turn, sa, offer, true);
    if (ChildSa* old = sa.child_by_local(offer.replaces); old != nullptr && offer.crossing) {
      old->state = ChildSa::State::replaced;
      old->expire_at = turn.now.boot + kPeerDeletes;
    }
    return;
  }
  if (was_deleted(offer, payloads)) {
    offer_failed(turn, sa, offer, Notify{.type = NotifyType::temporary_failure});
    return;
  }
  std::vector<crypto::SecretBytes> shared;
  if (payloads.ke && offer.share.group != GroupId::none) {
    if (auto secret = shared_secret(offer.share, *payloads.ke)) {
      shared.push_back(std::move(*secret));
    }
  }
  const auto up =
      accept_answer(turn, sa, offer, payloads, {{offer.nonce, *payloads.nonce}, shared});
  if (!up) {
    child_failed(turn, sa, offer.name, up.error());
    drop_child_at_peer(turn, sa, offer, true);
    return;
  }
  if (ChildSa* old = sa.child_by_local(offer.replaces);
      old != nullptr && old->state == ChildSa::State::up) {
    old->state = ChildSa::State::replaced;
  }
  if (offer.crossing) {
    if (ChildSa* theirs = sa.child_by_local(offer.crossing->child)) {
      theirs->state = ChildSa::State::replaced;
      theirs->expire_at = turn.now.boot + kPeerDeletes;
    }
  }
}

void drop_child_at_peer(Turn& turn, IkeSa& sa, const ChildOffer& offer, bool accepted) {
  if (!accepted || !sa.usable()) {
    drop_offer(turn, offer);
    return;
  }
  sa.children.push_back(ChildSa{.name = offer.name,
                                .local_spi = offer.local_spi,
                                .initiator = true,
                                .state = ChildSa::State::deleting});
  add_task(sa, Task{.kind = Task::Kind::delete_child, .local_spi = offer.local_spi});
}

Refusal refusal_of(const Notify& error) {
  switch (error.type) {
    case NotifyType::ts_unacceptable:
      return {Cause::ts_unacceptable, "the peer takes none of our selectors"};
    case NotifyType::no_proposal_chosen:
      return {Cause::no_common_child_proposal, "the peer takes none of our esp_proposals"};
    case NotifyType::no_additional_sas:
      return {Cause::no_additional_sas, {}};
    case NotifyType::temporary_failure:
      return {Cause::busy, {}};
    default:
      return {Cause::refused,
              fmt::format("the peer's notify {}", static_cast<unsigned>(error.type))};
  }
}

}  // namespace gotthard::ike
