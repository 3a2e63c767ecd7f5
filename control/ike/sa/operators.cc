// What operators ask of the engine, and what it shows them.
#include <algorithm>

#include "control/ike/sa/core.h"
#include "control/ike/sa/engine.h"
#include "control/ike/sa/lifecycle.h"
#include "control/ike/sa/maintenance.h"
#include "control/ike/sa/schedule.h"

namespace gotthard::ike {
namespace {

tl::unexpected<Error> no_connection(const std::string& name) {
  return fail("There is no connection '{}'; `gotthard show connections` lists them.", name);
}

tl::unexpected<Error> no_child(const std::string& connection, const std::string& child) {
  return fail("Connection '{}' has no child '{}'; `gotthard show connections` lists them.",
              connection, child);
}

tl::unexpected<Error> not_up(const std::string& name) {
  return fail("'{}' is not up; `gotthard initiate {}` brings it up.", name, name);
}

std::vector<IkeSa*> usable_sas(const Core& core, const std::string& connection) {
  std::vector<IkeSa*> result;
  for (const auto& [number, sa] : core.sas) {
    if (sa->usable() && sa->settled && sa->connection->name == connection) {
      result.push_back(sa.get());
    }
  }
  return result;
}

std::string state_name(IkeSa::State state) {
  constexpr std::array kNames = {"connecting", "half_open", "established",
                                 "replaced",   "closing",   "gone"};
  return kNames[static_cast<std::size_t>(state)];
}

ChildStatus status_of(const ChildSa& child) {
  return {.name = child.name,
          .local_spi = child.local_spi,
          .remote_spi = child.remote_spi,
          .suite = child.suite,
          .transport = child.transport,
          .udp = child.udp,
          .up = child.state == ChildSa::State::up,
          .local_ts = child.local_ts,
          .remote_ts = child.remote_ts,
          .rekey_at = child.rekey_at};
}

SaStatus status_of(const IkeSa& sa) {
  SaStatus status{.connection = sa.connection->name,
                  .number = sa.number,
                  .state = state_name(sa.state),
                  .initiator = sa.initiator,
                  .spis = sa.spis,
                  .path = sa.path,
                  .nat_here = sa.nat_here,
                  .nat_there = sa.nat_there,
                  .suite = sa.suite,
                  .local_id = sa.local_id,
                  .remote_id = sa.remote_id,
                  .established_at = sa.established_at,
                  .rekey_at = sa.rekey_at,
                  .reauth_at = sa.reauth_at};
  for (const ChildSa& child : sa.children) {
    status.children.push_back(status_of(child));
  }
  return status;
}

}  // namespace

Result<Actions> Engine::initiate(const std::string& name, const std::string& child, Time now) {
  Connection* connection = core_->connection(name);
  if (connection == nullptr) {
    return no_connection(name);
  }
  if (!child.empty() && connection->settings->child(child) == nullptr) {
    return no_child(name, child);
  }
  if (connection->settings->anywhere() && usable_sas(*core_, name).empty()) {
    return fail("The peer of '{}' may be anywhere: it has to begin.", name);
  }
  Turn turn(*core_, now);
  for (auto& [each, wanted] : connection->children) {
    if (child.empty() || each == child) {
      wanted.once = true;
      wanted.retry_at = 0;
      wanted.keep = connection->settings->child(each)->start_action == Restart::start;
    }
  }
  connection->ike_wanted = child.empty() && usable_sas(*core_, name).empty();
  connection->retry_at = 0;
  bring_up(turn, *connection);
  return finish(turn);
}

Result<Actions> Engine::rekey_ike(const std::string& name, Time now) {
  const auto sas = usable_sas(*core_, name);
  if (sas.empty()) {
    return core_->connection(name) == nullptr ? no_connection(name) : not_up(name);
  }
  Turn turn(*core_, now);
  for (IkeSa* sa : sas) {
    add_task(*sa, Task{.kind = Task::Kind::rekey_ike});
    turn.touch(*sa);
  }
  return finish(turn);
}

Result<Actions> Engine::reauthenticate(const std::string& name, Time now) {
  const auto sas = usable_sas(*core_, name);
  if (sas.empty()) {
    return core_->connection(name) == nullptr ? no_connection(name) : not_up(name);
  }
  Turn turn(*core_, now);
  for (IkeSa* sa : sas) {
    sa->reauth_at = now.boot;
  }
  maintain(turn);
  return finish(turn);
}

Result<Actions> Engine::rekey_child(const std::string& name, const std::string& child, Time now) {
  if (core_->connection(name) == nullptr) {
    return no_connection(name);
  }
  Turn turn(*core_, now);
  bool found = false;
  for (IkeSa* sa : usable_sas(*core_, name)) {
    for (const ChildSa& one : sa->children) {
      if (one.name == child && one.state == ChildSa::State::up) {
        found = true;
        add_task(*sa, Task{.kind = Task::Kind::rekey_child, .local_spi = one.local_spi});
        turn.touch(*sa);
      }
    }
  }
  return found ? Result<Actions>(finish(turn)) : Result<Actions>(not_up(child));
}

Result<Actions> Engine::terminate(const std::string& name, const std::string& child, Time now) {
  Connection* connection = core_->connection(name);
  if (connection == nullptr) {
    return no_connection(name);
  }
  if (!child.empty() && connection->settings->child(child) == nullptr) {
    return no_child(name, child);
  }
  Turn turn(*core_, now);
  for (auto& [each, wanted] : connection->children) {
    if (child.empty() || each == child) {
      wanted = {};
    }
  }
  for (const auto& [number, sa] : core_->sas) {
    if (!sa->alive() || sa->connection->name != name) {
      continue;
    }
    if (child.empty()) {
      delete_sa(turn, *sa, Cause::closed_here);
      continue;
    }
    for (ChildSa& one : sa->children) {
      if (one.name == child) {
        one.state = ChildSa::State::deleting;
        add_task(*sa, Task{.kind = Task::Kind::delete_child, .local_spi = one.local_spi});
        turn.touch(*sa);
      }
    }
  }
  return finish(turn);
}

std::vector<SaStatus> Engine::sas() const {
  std::vector<SaStatus> result;
  for (const auto& [number, sa] : core_->sas) {
    result.push_back(status_of(*sa));
  }
  return result;
}

std::optional<Diagnosis> Engine::diagnose(const std::string& name) const {
  const Connection* connection = core_->connection(name);
  if (connection == nullptr) {
    return std::nullopt;
  }
  Diagnosis diagnosis{.records = {connection->records.begin(), connection->records.end()},
                      .retry_at = connection->retry_at};
  const bool any = !usable_sas(*core_, name).empty();
  diagnosis.wanted = std::ranges::any_of(
      connection->children, [&](const auto& child) { return child.second.keep && !any; });
  return diagnosis;
}

std::vector<Happened> Engine::strangers() const {
  return {core_->strangers.begin(), core_->strangers.end()};
}

std::size_t Engine::half_open() const { return core_->half_open.count(); }

}  // namespace gotthard::ike
