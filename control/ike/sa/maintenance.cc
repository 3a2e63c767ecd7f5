#include "control/ike/sa/maintenance.h"

#include <algorithm>

#include "control/ike/sa/child_exchange.h"
#include "control/ike/sa/connecting.h"
#include "control/ike/sa/lifecycle.h"
#include "control/ike/sa/schedule.h"
#include "control/ike/sa/transmit.h"

namespace gotthard::ike {
namespace {

// The data plane answers within this time, or never.
constexpr Nanoseconds kInstalling = 5 * kSecond;
// Which of two rekeys that crossed stays is known long before.
constexpr Nanoseconds kSettling = 240 * kSecond;
constexpr Nanoseconds kReauthAgain = 60 * kSecond;
// A reauthentication's children are there by then.
constexpr Nanoseconds kReauthEnds = 30 * kSecond;

bool due(Nanoseconds at, Nanoseconds now) { return at != 0 && at <= now; }

void give_up(Turn& turn, IkeSa& sa) {
  if (sa.state != IkeSa::State::connecting) {
    if (IkeSa* crossed = turn.core.sa(sa.crossed)) {
      turn.forget(*crossed);
    }
    lose_sa(turn, sa, Cause::no_reply, &ChildSettings::dpd_action);
    return;
  }
  const bool init = sa.waiting_for<InitExchange>() != nullptr;
  connecting_failed(turn, sa, init ? Stage::init : Stage::authentication, Cause::no_reply, {});
}

void check_installing(Turn& turn, IkeSa& sa) {
  if (!sa.response || sa.response->waits_for.empty() ||
      turn.now.boot - sa.response->made_at < kInstalling) {
    return;
  }
  for (const std::uint32_t spi : sa.response->waits_for) {
    on_child_refused(turn, sa, spi);
  }
  sa.response->waits_for.clear();
  release_response(turn, sa);
}

void maintain_children(Turn& turn, IkeSa& sa) {
  const Nanoseconds now = turn.now.boot;
  for (ChildSa& child : sa.children) {
    if (child.state == ChildSa::State::up && due(child.rekey_at, now)) {
      child.rekey_at = 0;
      add_task(sa, Task{.kind = Task::Kind::rekey_child, .local_spi = child.local_spi});
    }
    if (child.state != ChildSa::State::deleting && due(child.expire_at, now)) {
      const bool live = child.live();
      child.state = ChildSa::State::deleting;
      add_task(sa, Task{.kind = Task::Kind::delete_child, .local_spi = child.local_spi});
      if (live) {
        turn.happened(sa, Stage::child, Cause::lifetime_over, {}, child.name);
      }
    }
  }
}

// Make before break: another IKE SA with all children, then this one ends (section 2.8.3).
void reauthenticate(Turn& turn, IkeSa& sa) {
  Connection* connection = turn.core.connection(sa.connection->name);
  if (connection == nullptr || connection->settings->anywhere()) {
    sa.reauth_at = 0;  // the peer has to
    return;
  }
  std::vector<std::string> names;
  for (const ChildSa& child : sa.children) {
    if (child.live() && std::ranges::find(names, child.name) == names.end()) {
      names.push_back(child.name);
    }
  }
  sa.reauth_at = turn.now.boot + turn.around(kReauthAgain, kReauthAgain);
  (void)begin_connecting(turn, *connection, std::move(names), sa.number);
}

void finish_reauthentication(Turn& turn, IkeSa& sa) {
  IkeSa* old = turn.core.sa(sa.replaces);
  if (old == nullptr || !old->usable()) {
    sa.replaces = 0;
    return;
  }
  const bool whole = std::ranges::all_of(old->children, [&](const ChildSa& child) {
    return std::ranges::any_of(sa.children, [&](const ChildSa& other) {
      return other.name == child.name && other.state == ChildSa::State::up;
    });
  });
  if (whole || turn.now.boot - sa.established_at >= kReauthEnds) {
    sa.replaces = 0;
    delete_sa(turn, *old, Cause::replaced);
  }
}

void maintain_ends(Turn& turn, IkeSa& sa) {
  const Nanoseconds now = turn.now.boot;
  if (!sa.settled && now - sa.established_at >= kSettling) {
    turn.forget(sa);
    return;
  }
  if (due(sa.end_at, now)) {
    sa.end_at = 0;
    delete_sa(turn, sa, Cause::replaced);
  }
  if (due(sa.expire_at, now)) {
    sa.expire_at = 0;
    delete_sa(turn, sa, Cause::lifetime_over);
  }
}

void maintain_established(Turn& turn, IkeSa& sa) {
  const Nanoseconds now = turn.now.boot;
  if (due(sa.rekey_at, now)) {
    sa.rekey_at = 0;
    add_task(sa, Task{.kind = Task::Kind::rekey_ike});
  }
  if (due(sa.reauth_at, now)) {
    reauthenticate(turn, sa);
  }
  if (sa.replaces != 0) {
    finish_reauthentication(turn, sa);
  }
  const Nanoseconds delay = sa.connection->dpd_delay;
  if (delay != 0 && !sa.request && now - sa.heard_at >= delay) {
    add_task(sa, Task{.kind = Task::Kind::liveness});
  }
  maintain_children(turn, sa);
}

void maintain_sa(Turn& turn, IkeSa& sa) {
  const bool half_open = sa.state == IkeSa::State::half_open;
  if (half_open) {
    if (turn.now.boot - sa.handshake->begun >= turn.core.limits.half_open_time) {
      turn.happened(sa, Stage::authentication, Cause::no_reply, "nothing came after IKE_SA_INIT");
      turn.forget(sa);
    }
    return;
  }
  if (sa.request && !repeat_request(turn, sa)) {
    give_up(turn, sa);
    return;
  }
  check_installing(turn, sa);
  maintain_ends(turn, sa);
  if (sa.usable() && sa.settled) {
    maintain_established(turn, sa);
  }
  run_tasks(turn, sa);
}

bool is_there(Core& core, const std::string& connection, const std::string& child) {
  return std::ranges::any_of(core.sas, [&](const auto& entry) {
    const IkeSa& sa = *entry.second;
    return sa.alive() && sa.connection->name == connection &&
           std::ranges::any_of(sa.children,
                               [&](const ChildSa& one) { return one.name == child && one.live(); });
  });
}

// An SA that takes children; or one that will be, which `connecting` then says.
IkeSa* sa_for(Core& core, const std::string& connection, bool& connecting) {
  for (const auto& [number, sa] : core.sas) {
    if (sa->connection->name != connection) {
      continue;
    }
    if (sa->usable() && sa->settled && sa->end_at == 0) {
      return sa.get();
    }
    connecting |= sa->state == IkeSa::State::connecting || sa->state == IkeSa::State::half_open ||
                  (sa->usable() && !sa->settled);
  }
  return nullptr;
}

bool wants(const Wanted& child, Nanoseconds now) {
  return child.once || (child.keep && child.retry_at <= now);
}

}  // namespace

void bring_up(Turn& turn, Connection& connection) {
  const std::string& name = connection.settings->name;
  std::vector<std::string> missing;
  for (const auto& [child, wanted] : connection.children) {
    if (wants(wanted, turn.now.boot) && !is_there(turn.core, name, child)) {
      missing.push_back(child);
    }
  }
  if (missing.empty() && !connection.ike_wanted) {
    return;
  }
  bool connecting = false;
  if (IkeSa* sa = sa_for(turn.core, name, connecting)) {
    connection.ike_wanted = false;
    for (const std::string& child : missing) {
      const ChildOffer* offer = sa->waiting_for<ChildOffer>();
      if (offer == nullptr || offer->name != child) {
        add_task(*sa, Task{.kind = Task::Kind::create_child, .child = child});
      }
    }
    run_tasks(turn, *sa);
    return;
  }
  if (connecting || connection.remotes.empty() || turn.now.boot < connection.retry_at) {
    return;
  }
  if (begin_connecting(turn, connection, std::move(missing)) == 0) {
    connection.retry_at = turn.now.boot + turn.around(kSecond, kSecond);
    connection.ike_wanted = false;
    for (auto& [child, wanted] : connection.children) {
      wanted.once = false;
    }
    ++connection.place;
  }
}

void maintain(Turn& turn) {
  std::vector<SaNumber> numbers;
  for (const auto& [number, sa] : turn.core.sas) {
    numbers.push_back(number);
  }
  for (const SaNumber number : numbers) {
    if (IkeSa* sa = turn.core.sa(number)) {
      maintain_sa(turn, *sa);
    }
  }
  std::erase_if(turn.core.dying, [&](const DyingChild& child) {
    const bool over = child.remove_at <= turn.now.boot;
    if (over) {
      turn.act(RemoveChild{child.local_spi});
    }
    return over;
  });
  for (auto& [name, connection] : turn.core.connections) {
    bring_up(turn, connection);
  }
}

}  // namespace gotthard::ike
