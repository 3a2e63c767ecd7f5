#include "control/ike/sa/informational.h"

#include <algorithm>

#include "control/ike/sa/children.h"
#include "control/ike/sa/ike_rekey.h"
#include "control/ike/sa/lifecycle.h"
#include "control/ike/sa/schedule.h"
#include "control/ike/sa/transmit.h"

namespace gotthard::ike {
namespace {

constexpr ExchangeType kExchange = ExchangeType::informational;
constexpr std::size_t kMaxDeleted = 16;

void close_for_peer(Turn& turn, IkeSa& sa, Cause cause) {
  // The peer has made a rekey of its own, which crossed ours, and is done with this one.
  if (turn.core.sa(sa.crossed) != nullptr) {
    settle_for_peer(turn, sa);
  }
  lose_sa(turn, sa, cause, &ChildSettings::close_action);
}

// Of the children that the peer deletes, ours go too; but those that we are deleting were named in
// our request (section 1.4.1).
Delete delete_children(Turn& turn, IkeSa& sa, const Delete& payload) {
  Delete answer{.protocol = Protocol::esp};
  const DeleteChildren* ours = sa.waiting_for<DeleteChildren>();
  for (const std::uint32_t remote_spi : payload.spis) {
    const ChildSa* child = sa.child_by_remote(remote_spi);
    if (child == nullptr) {
      ChildOffer* offer = sa.waiting_for<ChildOffer>();
      if (offer != nullptr && offer->deleted.size() < kMaxDeleted) {
        offer->deleted.push_back(remote_spi);
      }
      continue;
    }
    const std::uint32_t local_spi = child->local_spi;
    const bool named =
        ours != nullptr && std::ranges::find(ours->local_spis, local_spi) != ours->local_spis.end();
    if (!named) {
      answer.spis.push_back(local_spi);
    }
    const ChildSettings* settings = sa.connection->child(child->name);
    if (child->live() && settings != nullptr &&
        sibling(turn.core, sa, child->name, local_spi) == nullptr) {
      child_ended(turn, sa, child->name, settings->close_action);
    }
    remove_child(turn, sa, local_spi, Cause::closed_by_peer);
  }
  return answer;
}

}  // namespace

// HDR, SK {D}
void begin_ike_delete(Turn& turn, IkeSa& sa) {
  ChainWriter chain;
  add(chain, Delete{.protocol = Protocol::ike});
  (void)send_request(turn, sa, kExchange, chain, DeleteIke{});
}

void begin_child_delete(Turn& turn, IkeSa& sa, std::uint32_t local_spi) {
  DeleteChildren what;
  const auto take = [&](std::uint32_t spi) {
    ChildSa* child = sa.child_by_local(spi);
    if (child != nullptr) {
      child->state = ChildSa::State::deleting;
      what.local_spis.push_back(spi);
    }
  };
  take(local_spi);
  std::erase_if(sa.tasks, [&](const Task& task) {
    const ChildSa* child = sa.child_by_local(task.local_spi);
    const bool another = (child == nullptr || !child->tentative) &&
                         task.kind == Task::Kind::delete_child &&
                         what.local_spis.size() < Delete::kMaxSpis;
    if (another) {
      take(task.local_spi);
    }
    return another;
  });
  if (what.local_spis.empty()) {
    return;
  }
  ChainWriter chain;
  add(chain, Delete{.protocol = Protocol::esp, .spis = what.local_spis});
  (void)send_request(turn, sa, kExchange, chain, std::move(what));
}

void begin_liveness(Turn& turn, IkeSa& sa) {
  (void)send_request(turn, sa, kExchange, ChainWriter(), Liveness{});
}

void on_informational_response(Turn& turn, IkeSa& sa) {
  const Exchange what = std::move(sa.request->what);
  sa.request.reset();
  if (const auto* children = std::get_if<DeleteChildren>(&what)) {
    for (const std::uint32_t spi : children->local_spis) {
      remove_child(turn, sa, spi, Cause::closed_here);
    }
  } else if (std::holds_alternative<DeleteIke>(what)) {
    close_sa(turn, sa, Cause::closed_here);
  }
}

void on_informational_request(Turn& turn, IkeSa& sa, const Incoming& in, const Payloads& payloads) {
  const bool ends = std::ranges::any_of(
      payloads.deletes, [](const Delete& one) { return one.protocol == Protocol::ike; });
  const bool refused = payloads.has(NotifyType::authentication_failed);
  ChainWriter chain;
  if (!ends && !refused) {
    for (const Delete& one : payloads.deletes) {
      const Delete answer =
          one.protocol == Protocol::esp ? delete_children(turn, sa, one) : Delete();
      if (!answer.spis.empty()) {
        add(chain, answer);
      }
    }
  }
  send_response(turn, sa, kExchange, chain, in.path, in.digest);
  if (refused) {
    turn.happened(sa, Stage::authentication, Cause::authentication_refused);
  }
  if (ends || refused) {
    close_for_peer(turn, sa, refused ? Cause::authentication_refused : Cause::closed_by_peer);
  }
}

}  // namespace gotthard::ike
