#include "control/ike/sa/engine.h"

#include <algorithm>
#include <utility>

#include "control/ike/sa/child_exchange.h"
#include "control/ike/sa/connecting.h"
#include "control/ike/sa/core.h"
#include "control/ike/sa/credentials.h"
#include "control/ike/sa/lifecycle.h"
#include "control/ike/sa/maintenance.h"
#include "control/ike/sa/receive.h"
#include "control/ike/sa/schedule.h"
#include "control/ike/sa/transmit.h"

namespace gotthard::ike {
namespace {

// Children that are configured no more, and SAs that would not be let in any more.
void apply_to_sa(Turn& turn, IkeSa& sa, const ConnectionPtr& settings) {
  sa.connection = settings;
  turn.touch(sa);
  if (!sa.remote_chain.empty() && settings->remote_auth.trust != nullptr && sa.usable()) {
    const PeerCheck check = check_chain(settings->remote_auth, sa.remote_chain, turn.now);
    if (check.cause != Cause::done) {
      turn.happened(sa, Stage::established, check.cause, check.text);
      delete_sa(turn, sa, check.cause);
      return;
    }
  }
  for (ChildSa& child : sa.children) {
    if (settings->child(child.name) == nullptr && child.state != ChildSa::State::deleting) {
      child.state = ChildSa::State::deleting;
      add_task(sa, Task{.kind = Task::Kind::delete_child, .local_spi = child.local_spi});
    }
  }
}

void apply_wishes(Connection& connection, const ConnectionSettings& settings) {
  std::map<std::string, Wanted> children;
  for (const ChildSettings& child : settings.children) {
    const auto before = connection.children.find(child.name);
    if (before != connection.children.end()) {
      children[child.name] = before->second;
    } else {
      children[child.name].keep = child.start_action == Restart::start;
    }
  }
  connection.children = std::move(children);
  if (!settings.by_name || connection.remotes.empty()) {
    connection.remotes = settings.remotes;
  }
  connection.retry_at = 0;  // other settings may do better
}

// Of a child, in whatever SA it is.
IkeSa* owner(Core& core, std::uint32_t local_spi) {
  for (const auto& [number, sa] : core.sas) {
    if (sa->alive() && sa->child_by_local(local_spi) != nullptr) {
      return sa.get();
    }
  }
  return nullptr;
}

void release_waiting(Turn& turn, std::uint32_t local_spi) {
  for (const auto& [number, sa] : turn.core.sas) {
    if (sa->alive() && sa->response && sa->response->waits_for.erase(local_spi) != 0) {
      release_response(turn, *sa);
    }
  }
}

}  // namespace

Engine::Engine(Services services, Limits limits)
    : core_(std::make_unique<Core>(std::move(services), limits)) {}
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
Engine::~Engine() = default;

Actions Engine::finish(Turn& turn) {
  const std::set<SaNumber> touched = turn.touched();
  for (const SaNumber number : touched) {
    if (IkeSa* sa = turn.core.sa(number)) {
      run_tasks(turn, *sa);
    }
  }
  return turn.finish();
}

Actions Engine::configure(ConnectionSettings settings, Time now) {
  Turn turn(*core_, now);
  const auto shared = std::make_shared<const ConnectionSettings>(std::move(settings));
  Connection& connection = core_->connections[shared->name];
  connection.settings = shared;
  apply_wishes(connection, *shared);
  for (const auto& [number, sa] : core_->sas) {
    if (sa->alive() && sa->connection->name == shared->name) {
      apply_to_sa(turn, *sa, shared);
    }
  }
  return finish(turn);
}

Actions Engine::remove(const std::string& name, Time now) {
  Turn turn(*core_, now);
  for (const auto& [number, sa] : core_->sas) {
    if (sa->alive() && sa->connection->name == name) {
      delete_sa(turn, *sa, Cause::closed_here);
    }
  }
  core_->connections.erase(name);
  return finish(turn);
}

Actions Engine::set_remotes(const std::string& name, std::vector<abi::Address> remotes, Time now) {
  Connection* connection = core_->connection(name);
  if (connection == nullptr || connection->remotes == remotes) {
    return {};
  }
  Turn turn(*core_, now);
  connection->remotes = std::move(remotes);
  connection->retry_at = 0;
  for (const auto& [number, sa] : core_->sas) {
    const bool nowhere =
        sa->unanswered() && sa->connection->name == name &&
        std::ranges::find(connection->remotes, sa->path.remote) == connection->remotes.end();
    if (nowhere) {
      turn.forget(*sa);
    }
  }
  bring_up(turn, *connection);
  return finish(turn);
}

Actions Engine::on_name_unresolved(const std::string& name, const std::string& why, Time now) {
  Turn turn(*core_, now);
  turn.happened(Happened{.connection = name, .cause = Cause::no_address, .text = why});
  return finish(turn);
}

Actions Engine::on_datagram(Bytes datagram, const Path& path, bool marked, Time now) {
  Turn turn(*core_, now);
  receive(turn, datagram, path, marked);
  return finish(turn);
}

Actions Engine::on_tick(Time now) {
  Turn turn(*core_, now);
  maintain(turn);
  return finish(turn);
}

Actions Engine::acquire(const std::string& name, const std::string& child, Time now) {
  Turn turn(*core_, now);
  Connection* connection = core_->connection(name);
  const ChildSettings* settings =
      connection != nullptr ? connection->settings->child(child) : nullptr;
  if (settings != nullptr && settings->start_action != Restart::none) {
    Wanted& wanted = connection->children[child];
    wanted.once = wanted.retry_at <= now.boot;
    bring_up(turn, *connection);
  }
  return finish(turn);
}

Actions Engine::on_installed(std::uint32_t local_spi, Time now) {
  Turn turn(*core_, now);
  if (IkeSa* sa = owner(*core_, local_spi)) {
    on_child_installed(turn, *sa, local_spi);
  }
  release_waiting(turn, local_spi);
  return finish(turn);
}

Actions Engine::on_refused(std::uint32_t local_spi, Time now) {
  Turn turn(*core_, now);
  if (IkeSa* sa = owner(*core_, local_spi)) {
    on_child_refused(turn, *sa, local_spi);
  }
  release_waiting(turn, local_spi);
  return finish(turn);
}

Actions Engine::on_confirmed(std::uint32_t local_spi, Time now) {
  Turn turn(*core_, now);
  IkeSa* sa = owner(*core_, local_spi);
  if (ChildSa* child = sa != nullptr ? sa->child_by_local(local_spi) : nullptr) {
    child->tentative = false;
    child->waits = false;
    turn.touch(*sa);
  }
  return finish(turn);
}

Actions Engine::on_aging(std::uint32_t local_spi, bool hard, Time now) {
  Turn turn(*core_, now);
  IkeSa* sa = owner(*core_, local_spi);
  ChildSa* child = sa != nullptr ? sa->child_by_local(local_spi) : nullptr;
  if (child != nullptr && child->state == ChildSa::State::up) {
    if (hard) {
      child->expire_at = now.boot;
    } else {
      add_task(*sa, Task{.kind = Task::Kind::rekey_child, .local_spi = local_spi});
    }
    turn.touch(*sa);
  }
  return finish(turn);
}

Actions Engine::on_dataplane_lost(Time now) {
  Turn turn(*core_, now);
  core_->dying.clear();
  for (const auto& [number, sa] : core_->sas) {
    if (!sa->alive()) {
      continue;
    }
    lose_children(turn, *sa, {});
    if (sa->response && !sa->response->waits_for.empty()) {
      sa->response->waits_for.clear();
      release_response(turn, *sa);
    }
  }
  return finish(turn);
}

bool Engine::has_child(std::uint32_t local_spi) const {
  return owner(*core_, local_spi) != nullptr;
}

std::vector<std::uint32_t> Engine::local_spis() const {
  std::vector<std::uint32_t> spis;
  for (const auto& [number, sa] : core_->sas) {
    for (const ChildSa& child : sa->children) {
      spis.push_back(child.local_spi);
    }
    if (const ChildOffer* offer = sa->waiting_for<ChildOffer>()) {
      spis.push_back(offer->local_spi);
    }
    const AuthExchange* auth = sa->waiting_for<AuthExchange>();
    if (auth != nullptr && auth->child) {
      spis.push_back(auth->child->local_spi);
    }
  }
  for (const DyingChild& child : core_->dying) {
    spis.push_back(child.local_spi);
  }
  return spis;
}

}  // namespace gotthard::ike
