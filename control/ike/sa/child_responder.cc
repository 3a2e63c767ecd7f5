// CREATE_CHILD_SA for children, as its responder (RFC 7296, sections 1.3.1, 1.3.3, 2.8 and 2.25),
// and what the data plane says of children.
#include <algorithm>

#include "control/ike/sa/child_exchange.h"
#include "control/ike/sa/key_share.h"
#include "control/ike/sa/lifecycle.h"
#include "control/ike/sa/schedule.h"
#include "control/ike/sa/transmit.h"

namespace gotthard::ike {
namespace {

constexpr Nanoseconds kPeerDeletes = 60 * kSecond;
constexpr Nanoseconds kLeastBackOff = 10 * kSecond;
constexpr Nanoseconds kMostBackOff = 600 * kSecond;

// Ours for the same child is under way: which of the two stays is decided when it is answered.
ChildOffer* crossing_offer(IkeSa& sa, const std::string& name, std::uint32_t replaced) {
  ChildOffer* offer = sa.waiting_for<ChildOffer>();
  return offer != nullptr && offer->name == name && offer->replaces == replaced ? offer : nullptr;
}

// What the request rekeys. `error` is the answer when there is no such thing.
struct Replaced {
  ChildSa* child = nullptr;
  std::optional<Notify> error;
};

Replaced replaced_by(IkeSa& sa, const Payloads& payloads) {
  const Notify* rekey = payloads.find(NotifyType::rekey_sa);
  if (rekey == nullptr) {
    return {};
  }
  ChildSa* child = rekey->spi ? sa.child_by_remote(*rekey->spi) : nullptr;
  // What our own exchange makes may be there already.
  if (child == nullptr && sa.waiting_for<ChildOffer>() != nullptr) {
    return {nullptr, Notify{.type = NotifyType::temporary_failure}};
  }
  if (child == nullptr) {
    return {nullptr, Notify{.protocol = Protocol::esp,
                            .type = NotifyType::child_sa_not_found,
                            .spi = rekey->spi}};
  }
  if (child->state != ChildSa::State::up) {
    return {nullptr, Notify{.type = NotifyType::temporary_failure}};
  }
  return {child, std::nullopt};
}

}  // namespace

void on_child_request(Turn& turn, IkeSa& sa, const Incoming& in, const Payloads& payloads) {
  constexpr ExchangeType kExchange = ExchangeType::create_child_sa;
  const auto refuse = [&](const Notify& error) {
    send_error_response(turn, sa, kExchange, error, in.path, in.digest);
  };
  if (!payloads.nonce) {
    refuse({.type = NotifyType::invalid_syntax});
    return;
  }
  const Replaced replaced = replaced_by(sa, payloads);
  if (replaced.error) {
    refuse(*replaced.error);
    return;
  }
  const auto chosen = choose_child(sa, payloads, false, replaced.child);
  if (!chosen) {
    if (chosen.error().cause != Cause::done) {
      turn.happened(sa, Stage::child, chosen.error().cause, chosen.error().text);
    }
    refuse({.type = chosen.error().type, .data = chosen.error().data});
    return;
  }
  KeyShare share;
  std::vector<crypto::SecretBytes> shared;
  if (chosen->suite.group != GroupId::none) {
    share = make_share(turn, chosen->suite.group);
    auto secret = shared_secret(share, *payloads.ke);
    if (!secret) {
      refuse({.type = NotifyType::invalid_syntax});
      return;
    }
    shared.push_back(std::move(*secret));
  }
  const std::uint32_t old = replaced.child != nullptr ? replaced.child->local_spi : 0;
  const Buffer nonce = turn.random(kNonce);
  const auto spi = add_chosen(turn, sa, *chosen, old, {{*payloads.nonce, nonce}, shared});
  if (!spi) {
    turn.happened(sa, Stage::child, Cause::no_spi, {}, chosen->settings->name);
    refuse({.type = NotifyType::no_additional_sas});
    return;
  }
  if (ChildOffer* offer = crossing_offer(sa, chosen->settings->name, old)) {
    offer->crossing = Crossing{.child = *spi, .lowest_nonce = lower_nonce(*payloads.nonce, nonce)};
  } else if (ChildSa* child = sa.child_by_local(old); child != nullptr && old != 0) {
    child->state = ChildSa::State::replaced;
    child->expire_at = turn.now.boot + kPeerDeletes;
  }
  ChainWriter chain;
  add_answer(chain, *chosen, *spi, nonce, shared.empty() ? nullptr : &share);
  send_response(turn, sa, kExchange, chain, in.path, in.digest);
}

void on_child_installed(Turn& turn, IkeSa& sa, std::uint32_t local_spi) {
  ChildSa* child = sa.child_by_local(local_spi);
  if (child == nullptr || child->state != ChildSa::State::installing) {
    return;
  }
  child->state = ChildSa::State::up;
  turn.touch(sa);
  turn.act(ChildUp{sa.connection->name, child->name, local_spi, child->replaces});
  if (Connection* connection = turn.core.connection(sa.connection->name)) {
    const auto wanted = connection->children.find(child->name);
    if (wanted != connection->children.end()) {
      wanted->second.failures = 0;
      wanted->second.retry_at = 0;
      wanted->second.once = false;
    }
  }
  // Ours from now on: the old one is not needed. Of the peer's, it is the peer that deletes.
  ChildSa* old = child->initiator ? sa.child_by_local(child->replaces) : nullptr;
  if (old != nullptr && child->replaces != 0) {
    old->state = ChildSa::State::deleting;
    add_task(sa, Task{.kind = Task::Kind::delete_child, .local_spi = old->local_spi});
  }
}

void on_child_refused(Turn& turn, IkeSa& sa, std::uint32_t local_spi) {
  ChildSa* child = sa.child_by_local(local_spi);
  if (child == nullptr || child->state != ChildSa::State::installing) {
    return;
  }
  child->state = ChildSa::State::deleting;
  child->handed_over = true;
  const std::string name = child->name;
  ChildSa* old = child->replaces != 0 ? sa.child_by_local(child->replaces) : nullptr;
  if (old != nullptr && old->state == ChildSa::State::replaced) {
    old->state = ChildSa::State::up;
    old->rekey_at = turn.now.boot + turn.around(kLeastBackOff, kLeastBackOff);
  }
  add_task(sa, Task{.kind = Task::Kind::delete_child, .local_spi = local_spi});
  turn.touch(sa);
  child_failed(turn, sa, name, {Cause::install_refused, {}});
}

void child_failed(Turn& turn, const IkeSa& sa, const std::string& name, const Refusal& refusal) {
  turn.happened(sa, Stage::child, refusal.cause, refusal.text, name);
  Connection* connection = turn.core.connection(sa.connection->name);
  const auto wanted = connection == nullptr ? decltype(connection->children.begin())()
                                            : connection->children.find(name);
  if (connection == nullptr || wanted == connection->children.end()) {
    return;
  }
  wanted->second.once = false;
  const unsigned doublings = std::min(wanted->second.failures++, 7U);
  const Nanoseconds wait = std::min(kLeastBackOff << doublings, kMostBackOff);
  wanted->second.retry_at = turn.now.boot + turn.around(wait - wait / 4, wait / 4);
}

}  // namespace gotthard::ike
