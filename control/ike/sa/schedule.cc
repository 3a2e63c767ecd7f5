#include "control/ike/sa/schedule.h"

#include <algorithm>

#include "control/ike/sa/child_exchange.h"
#include "control/ike/sa/ike_rekey.h"
#include "control/ike/sa/informational.h"

namespace gotthard::ike {
namespace {

bool same(const Task& a, const Task& b) {
  return a.kind == b.kind && a.local_spi == b.local_spi && a.child == b.child;
}

// A peer without our answer sends its request again within this time.
constexpr Nanoseconds kAnswered = 5 * kSecond;

// What the peer may not know of cannot be deleted or rekeyed.
bool is_tentative(IkeSa& sa, const Task& task, Nanoseconds now) {
  const bool of_child =
      task.kind == Task::Kind::delete_child || task.kind == Task::Kind::rekey_child;
  const ChildSa* child = of_child ? sa.child_by_local(task.local_spi) : nullptr;
  return child != nullptr && child->tentative && sa.response &&
         now - sa.response->sent_at < kAnswered;
}

bool may_run(IkeSa& sa, const Task& task, Nanoseconds now) {
  const bool deletes = task.kind == Task::Kind::delete_ike;
  return task.not_before <= now && !is_tentative(sa, task, now) &&
         (sa.usable() ? sa.settled || deletes : deletes);
}

void run(Turn& turn, IkeSa& sa, const Task& task) {
  switch (task.kind) {
    case Task::Kind::delete_ike:
      begin_ike_delete(turn, sa);
      break;
    case Task::Kind::delete_child:
      begin_child_delete(turn, sa, task.local_spi);
      break;
    case Task::Kind::rekey_child:
      begin_child_rekey(turn, sa, task.local_spi);
      break;
    case Task::Kind::rekey_ike:
      begin_ike_rekey(turn, sa);
      break;
    case Task::Kind::create_child:
      begin_child(turn, sa, task.child);
      break;
    case Task::Kind::liveness:
      begin_liveness(turn, sa);
      break;
  }
}

}  // namespace

Nanoseconds jittered(Turn& turn, Nanoseconds time) {
  return turn.around(time - time / 10, time / 10);
}

void add_task(IkeSa& sa, Task task) {
  const auto waiting =
      std::ranges::find_if(sa.tasks, [&](const Task& other) { return same(other, task); });
  if (waiting == sa.tasks.end()) {
    sa.tasks.push_back(std::move(task));
  } else {
    waiting->not_before = std::min(waiting->not_before, task.not_before);
  }
}

void run_tasks(Turn& turn, IkeSa& sa) {
  const bool answering = sa.response && !sa.response->waits_for.empty();
  while (sa.alive() && !sa.request && !answering) {
    auto next = sa.tasks.end();
    for (auto task = sa.tasks.begin(); task != sa.tasks.end(); ++task) {
      const bool first = next == sa.tasks.end() || task->kind < next->kind;
      if (may_run(sa, *task, turn.now.boot) && first) {
        next = task;
      }
    }
    if (next == sa.tasks.end()) {
      return;
    }
    const Task task = std::move(*next);
    sa.tasks.erase(next);
    run(turn, sa, task);
  }
}

void set_ike_timers(Turn& turn, IkeSa& sa) {
  const ConnectionSettings& connection = *sa.connection;
  const Nanoseconds now = turn.now.boot;
  const auto at = [&](Nanoseconds time) { return time == 0 ? 0 : now + jittered(turn, time); };
  sa.rekey_at = at(connection.rekey_time);
  sa.reauth_at = at(connection.reauth_time);
  const Nanoseconds longest = std::max(connection.rekey_time, connection.reauth_time);
  sa.expire_at = longest == 0 ? 0 : now + longest + connection.over_time;
}

}  // namespace gotthard::ike
