#include <algorithm>
#include <utility>

#include "control/ike/sa/child_install.h"
#include "control/ike/sa/children.h"
#include "control/ike/sa/schedule.h"

namespace gotthard::ike {
namespace {

// Packets that were sealed before the peer changed over arrive within this time.
constexpr Nanoseconds kLatePackets = 5 * kSecond;

Path path_of_esp(const IkeSa& sa, bool udp) {
  Path path = sa.path;
  if (!udp) {
    path.local_port = 0;
    path.remote_port = 0;
  }
  return path;
}

// Of the same connection with the same peer, whatever the IKE SA.
template <typename Fits>
ChildSa* find_pair(Core& core, const IkeSa& sa, Fits&& fits) {
  for (auto& [number, other] : core.sas) {
    if (!other->alive() || other->connection->name != sa.connection->name ||
        other->remote_id != sa.remote_id) {
      continue;
    }
    const auto found = std::ranges::find_if(other->children, fits);
    if (found != other->children.end()) {
      return &*found;
    }
  }
  return nullptr;
}

}  // namespace

// RFC 7296, section 2.17.
void install(Turn& turn, IkeSa& sa, ChildSa child, const ChildSettings& settings,
             const ChildSecrets& secrets) {
  ChildKeys keys =
      derive_child_keys(sa.suite.prf, sa.keys.d, child.suite, secrets.nonces, secrets.shared);
  const ChildSa* before = sibling(turn.core, sa, child.name, child.local_spi);
  child.udp = sa.has_nat();
  child.handed_over = true;
  // Whoever answers cannot know when the initiator has the keys: he seals with the old ones until
  // something comes under the new (section 2.8).
  child.waits = !child.initiator && before != nullptr;
  child.tentative = !child.initiator;
  if (settings.rekey_time != 0) {
    child.rekey_at = turn.now.boot + jittered(turn, settings.rekey_time);
  }
  if (settings.life_time != 0) {
    child.expire_at = turn.now.boot + settings.life_time;
  }
  EspKeys& send = child.initiator ? keys.initiator : keys.responder;
  EspKeys& receive = child.initiator ? keys.responder : keys.initiator;
  turn.act(InstallChild{
      .connection = sa.connection->name,
      .child = child.name,
      .sa = sa.number,
      .local_spi = child.local_spi,
      .remote_spi = child.remote_spi,
      .replaces = child.replaces,
      .suite = child.suite,
      .send = std::move(send),
      .receive = std::move(receive),
      .transport = child.transport,
      .udp = child.udp,
      .initiator = child.initiator,
      .use = child.waits ? abi::KeyUse::after_first_inbound : abi::KeyUse::now,
      .path = path_of_esp(sa, child.udp),
      .local_ts = child.local_ts,
      .remote_ts = child.remote_ts,
      .replay_window = settings.replay_window,
      .soft = settings.rekey,
      .hard = settings.life,
      .life_time = settings.life_time,
  });
  sa.children.push_back(std::move(child));
  turn.touch(sa);
}

ChildSa* sibling(Core& core, const IkeSa& sa, const std::string& child, std::uint32_t but) {
  return find_pair(core, sa, [&](const ChildSa& one) {
    return one.name == child && one.local_spi != but && one.handed_over && one.live();
  });
}

void remove_child(Turn& turn, IkeSa& sa, std::uint32_t local_spi, Cause cause) {
  const auto found = std::ranges::find(sa.children, local_spi, &ChildSa::local_spi);
  if (found == sa.children.end()) {
    return;
  }
  const ChildSa child = std::move(*found);
  sa.children.erase(found);
  turn.touch(sa);
  if (!child.handed_over) {
    turn.core.services.release_spi(local_spi);
    return;
  }
  ChildSa* next = sibling(turn.core, sa, child.name, local_spi);
  if (next == nullptr) {
    turn.act(RemoveChild{local_spi});
    turn.act(ChildDown{sa.connection->name, child.name, cause});
    return;
  }
  // Its successor waited for this; else, another one, when none is left that is sealed with.
  ChildSa* successor = find_pair(turn.core, sa, [&](const ChildSa& one) {
    return one.replaces == local_spi && one.handed_over;
  });
  const ChildSa* in_use = find_pair(turn.core, sa, [&](const ChildSa& one) {
    return one.name == child.name && one.handed_over && !one.waits;
  });
  if (successor == nullptr && in_use == nullptr) {
    successor = next;
  }
  if (successor != nullptr && std::exchange(successor->waits, false)) {
    turn.act(UseChild{successor->local_spi});
  }
  turn.core.dying.push_back({local_spi, turn.now.boot + kLatePackets});
}

void lose_children(Turn& turn, IkeSa& sa, const std::vector<std::uint32_t>& live) {
  for (ChildSa& child : sa.children) {
    if (std::ranges::find(live, child.local_spi) != live.end()) {
      continue;
    }
    const bool missed = child.live();
    child.state = ChildSa::State::deleting;
    add_task(sa, Task{.kind = Task::Kind::delete_child, .local_spi = child.local_spi});
    if (missed) {
      add_task(sa, Task{.kind = Task::Kind::create_child, .child = child.name});
    }
  }
  turn.touch(sa);
}

void child_ended(Turn& turn, const IkeSa& sa, const std::string& child, Restart what) {
  Connection* connection = turn.core.connection(sa.connection->name);
  if (connection == nullptr) {
    return;
  }
  const auto wanted = connection->children.find(child);
  if (wanted == connection->children.end()) {
    return;
  }
  wanted->second.keep = what == Restart::start;
  wanted->second.once = false;
}

}  // namespace gotthard::ike
