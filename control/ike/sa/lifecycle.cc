#include "control/ike/sa/lifecycle.h"

#include <algorithm>
#include <utility>

#include "control/ike/sa/children.h"
#include "control/ike/sa/connecting.h"
#include "control/ike/sa/schedule.h"

namespace gotthard::ike {
namespace {

constexpr Nanoseconds kLeastBackOff = 4 * kSecond;
constexpr Nanoseconds kMostBackOff = 300 * kSecond;
// Within it the peer deletes what it has replaced.
constexpr Nanoseconds kPeerDeletes = 60 * kSecond;

// SPIs of what was under way go back.
void drop_request(Turn& turn, IkeSa& sa) {
  if (const ChildOffer* offer = sa.waiting_for<ChildOffer>()) {
    drop_offer(turn, *offer);
  } else if (AuthExchange* auth = sa.waiting_for<AuthExchange>(); auth != nullptr && auth->child) {
    drop_offer(turn, *auth->child);
  }
  sa.request.reset();
}

void announce_end(Turn& turn, IkeSa& sa, Cause cause, const std::string& text) {
  if (std::exchange(sa.announced, false)) {
    turn.act(IkeDown{sa.connection->name, sa.number, cause});
    turn.happened(sa, Stage::established, cause, text);
  }
}

}  // namespace

void established(Turn& turn, IkeSa& sa) {
  sa.state = IkeSa::State::established;
  sa.handshake.reset();
  sa.announced = true;
  sa.established_at = turn.now.boot;
  sa.heard_at = turn.now.boot;
  set_ike_timers(turn, sa);
  turn.touch(sa);
  if (Connection* connection = turn.core.connection(sa.connection->name)) {
    connection->failures = 0;
    connection->retry_at = 0;
    connection->ike_wanted = false;
  }
  turn.act(IkeUp{sa.connection->name, sa.number, 0, sa.path, sa.remote_id});
  turn.happened(sa, Stage::established, Cause::done, to_string(sa.remote_id));
  end_duplicate(turn, sa);
}

void connecting_failed(Turn& turn, IkeSa& sa, Stage stage, Cause cause, std::string text) {
  turn.happened(sa, stage, cause, std::move(text));
  drop_request(turn, sa);
  turn.forget(sa);
  Connection* connection = turn.core.connection(sa.connection->name);
  if (connection == nullptr) {
    return;
  }
  for (auto& [name, child] : connection->children) {
    child.once = false;
  }
  connection->ike_wanted = false;
  ++connection->place;
  const unsigned doublings = std::min(connection->failures++, 7U);
  const Nanoseconds wait = std::min(kLeastBackOff << doublings, kMostBackOff);
  connection->retry_at = turn.now.boot + turn.around(wait - wait / 4, wait / 4);
}

void close_sa(Turn& turn, IkeSa& sa, Cause cause, const std::string& text) {
  drop_request(turn, sa);
  turn.forget(sa);
  while (!sa.children.empty()) {
    remove_child(turn, sa, sa.children.back().local_spi, cause);
  }
  announce_end(turn, sa, cause, text);
}

void lose_sa(Turn& turn, IkeSa& sa, Cause cause, Restart ChildSettings::*ended_by) {
  for (const ChildSa& child : sa.children) {
    const ChildSettings* settings = sa.connection->child(child.name);
    if (settings != nullptr && child.live() &&
        sibling(turn.core, sa, child.name, child.local_spi) == nullptr) {
      child_ended(turn, sa, child.name, settings->*ended_by);
    }
  }
  close_sa(turn, sa, cause);
}

void delete_sa(Turn& turn, IkeSa& sa, Cause cause) {
  switch (sa.state) {
    case IkeSa::State::connecting:
    case IkeSa::State::half_open:
      drop_request(turn, sa);
      turn.forget(sa);
      return;
    case IkeSa::State::established:
      sa.state = IkeSa::State::closing;
      while (!sa.children.empty()) {
        remove_child(turn, sa, sa.children.back().local_spi, cause);
      }
      announce_end(turn, sa, cause, {});
      break;
    case IkeSa::State::replaced:
    case IkeSa::State::closing:
    case IkeSa::State::gone:
      break;
  }
  add_task(sa, Task{.kind = Task::Kind::delete_ike});
  turn.touch(sa);
}

void pass_on(Turn& turn, IkeSa& old, IkeSa& winner) {
  winner.children = std::exchange(old.children, {});
  winner.settled = true;
  winner.announced = std::exchange(old.announced, false);
  winner.replaces = old.replaces;
  for (Task& task : std::exchange(old.tasks, {})) {
    const bool of_sa = task.kind == Task::Kind::rekey_ike || task.kind == Task::Kind::liveness;
    (of_sa ? old : winner).tasks.push_back(std::move(task));
  }
  old.tasks.clear();
  old.crossed = 0;
  turn.touch(winner);
  turn.act(
      IkeUp{winner.connection->name, winner.number, old.number, winner.path, winner.remote_id});
  turn.happened(winner, Stage::rekey, Cause::done);
  leave_to_peer(turn, old);
}

void leave_to_peer(Turn& turn, IkeSa& sa) {
  sa.state = IkeSa::State::replaced;
  sa.rekey_at = 0;
  sa.reauth_at = 0;
  sa.expire_at = turn.now.boot + kPeerDeletes;
  turn.touch(sa);
}

}  // namespace gotthard::ike
