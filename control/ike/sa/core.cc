#include "control/ike/sa/core.h"

#include <algorithm>

#include "control/ike/sa/checkpoint.h"

namespace gotthard::ike {
namespace {

// Strangers can make the same thing happen as often as they like: it is told once in this time.
constexpr Nanoseconds kTellAgain = 10 * kSecond;

bool repeats(const Happened& before, const Happened& what) {
  return before.cause == what.cause && before.stage == what.stage && before.child == what.child &&
         what.at.boot - before.at.boot < kTellAgain;
}

}  // namespace

Connection* Core::connection(const std::string& name) {
  const auto found = connections.find(name);
  return found == connections.end() ? nullptr : &found->second;
}

IkeSa* Core::sa(SaNumber number) {
  const auto found = sas.find(number);
  return found == sas.end() || !found->second->alive() ? nullptr : found->second.get();
}

Buffer Turn::random(std::size_t size) {
  Buffer bytes(size);
  core.services.random(bytes);
  return bytes;
}

std::uint64_t Turn::random_u64() {
  const Buffer bytes = random(8);
  return Reader(bytes).u64();
}

Nanoseconds Turn::around(Nanoseconds least, Nanoseconds spread) {
  return least + (spread == 0 ? 0 : random_u64() % spread);
}

SaNumber Turn::free_number() {
  SaNumber number = 0;
  while (number == 0 || core.sas.contains(number)) {
    number = random_u64();
  }
  return number;
}

IkeSa& Turn::make_sa(SaNumber number, ConnectionPtr connection, const Path& path, bool initiator) {
  auto& place = core.sas[number];
  place = std::make_unique<IkeSa>();
  place->number = number;
  place->initiator = initiator;
  (initiator ? place->spis.initiator : place->spis.responder) = number;
  place->connection = std::move(connection);
  place->path = path;
  place->first_path = path;
  place->heard_at = now.boot;
  place->first_heard_at = now.boot;
  return *place;
}

void Turn::happened(Happened what) {
  what.at = now;
  Connection* connection = core.connection(what.connection);
  auto& records = connection != nullptr ? connection->records : core.strangers;
  const auto before =
      std::ranges::find_if(records, [&](const Happened& record) { return repeats(record, what); });
  if (what.cause != Cause::done && before != records.end()) {
    ++before->times;
    before->text = std::move(what.text);
    return;
  }
  records.push_back(what);
  if (records.size() > Connection::kRecords) {
    records.pop_front();
  }
  act(std::move(what));
}

void Turn::happened(const IkeSa& sa, Stage stage, Cause cause, std::string text,
                    const std::string& child) {
  happened(Happened{.connection = sa.connection->name,
                    .child = child,
                    .stage = stage,
                    .cause = cause,
                    .text = std::move(text),
                    .path = sa.path});
}

void Turn::forget(IkeSa& sa) {
  if (sa.state == IkeSa::State::half_open) {
    core.half_open.remove(sa.spis.initiator, sa.first_path);
  }
  sa.state = IkeSa::State::gone;
  touch(sa);
}

Actions Turn::finish() {
  Actions all;
  for (const SaNumber number : touched_) {
    const auto at = core.sas.find(number);
    if (at == core.sas.end()) {
      continue;
    }
    IkeSa& sa = *at->second;
    if (!sa.alive()) {
      if (sa.kept) {
        all.emplace_back(CheckpointRemove{sa.number});
      }
      core.sas.erase(at);
    } else if (!sa.handshake) {
      all.emplace_back(Checkpoint{sa.number, serialise(sa)});
      sa.kept = true;
    }
  }
  touched_.clear();
  std::ranges::move(actions_, std::back_inserter(all));
  actions_.clear();
  return all;
}

}  // namespace gotthard::ike
