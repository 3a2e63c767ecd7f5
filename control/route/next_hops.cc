#include "control/route/next_hops.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace gotthard::route {

namespace {

auto fields(const Hop& hop) {
  return std::tie(hop.kind, hop.allow_plain, hop.port, hop.interface, hop.mtu, hop.peer,
                  hop.neighbour, hop.field, hop.members, hop.otherwise);
}

}  // namespace

bool Hop::operator==(const Hop& other) const { return fields(*this) == fields(other); }
std::strong_ordering Hop::operator<=>(const Hop& other) const {
  return fields(*this) <=> fields(other);
}

NextHops::NextHops(CommandSink* sink, const Devices* devices, Neighbours* neighbours)
    : sink_(sink),
      devices_(devices),
      neighbours_(neighbours),
      pool_(1, abi::kMaxNextHops),
      groups_(0, abi::kMaxHopGroups),
      choices_(0, abi::kMaxHopChoices) {}

void NextHops::restart() {
  pool_.restart();
  groups_.restart();
  choices_.restart();
  entries_.clear();
  numbers_.clear();
  blackhole_ = acquire(Hop{}, 0);
}

std::uint32_t NextHops::none_left() {
  ++exhausted_;
  ++entries_[blackhole_].uses;
  return blackhole_;
}

std::uint32_t NextHops::acquire(const Hop& hop, Nanoseconds now) {
  if (const auto known = numbers_.find(hop); known != numbers_.end()) {
    ++entries_[known->second].uses;
    return known->second;
  }
  Entry entry{.hop = hop, .uses = 1};
  if (!acquire_parts(hop, &entry, now)) {
    return hop.kind == abi::HopKind::group ? acquire(first_living(hop), now) : none_left();
  }
  const auto number = pool_.take();
  if (!number) {
    release_parts(entry);
    return none_left();
  }
  entries_.resize(std::max<std::size_t>(entries_.size(), *number + 1));
  entries_[*number] = std::move(entry);
  numbers_.emplace(hop, *number);
  send(*number);
  return *number;
}

bool NextHops::acquire_parts(const Hop& hop, Entry* entry, Nanoseconds now) {
  if (hop.kind == abi::HopKind::neighbour) {
    const auto used = neighbours_->use(hop.port, hop.neighbour, now);
    entry->neighbour = used.value_or(abi::kNoNeighbour);
    return used.has_value();
  }
  const bool group = hop.kind == abi::HopKind::group;
  if (!group && hop.kind != abi::HopKind::choice) {
    return true;
  }
  const auto set = (group ? groups_ : choices_).take();
  if (!set) {
    exhausted_ += group ? 1 : 0;
    return false;
  }
  entry->set = *set;
  for (const HopMember& member : hop.members) {
    entry->members.push_back(acquire(member.hop, now));
  }
  for (const Hop& otherwise : hop.otherwise) {
    entry->members.push_back(acquire(otherwise, now));
  }
  entry->alive = group ? living(hop) : 0;
  return true;
}

void NextHops::release_parts(const Entry& entry) {
  if (entry.neighbour != abi::kNoNeighbour) {
    neighbours_->release(entry.neighbour);
  }
  if (entry.hop.kind == abi::HopKind::group) {
    groups_.give_back(entry.set);
  } else if (entry.hop.kind == abi::HopKind::choice) {
    choices_.give_back(entry.set);
  }
  for (const std::uint32_t member : entry.members) {
    release(member);
  }
}

void NextHops::release(std::uint32_t number) {
  if (--entries_[number].uses > 0) {
    return;
  }
  const Entry gone = std::exchange(entries_[number], {});
  numbers_.erase(gone.hop);
  pool_.give_back(number);
  release_parts(gone);
}

// ---------------------------------------------------------------- groups

bool NextHops::alive(const Hop& hop) const {
  switch (hop.kind) {
    case abi::HopKind::tunnel:
    case abi::HopKind::policy:
      return devices_->usable({DeviceKind::tunnel, hop.interface});
    case abi::HopKind::glean:
    case abi::HopKind::neighbour:
      return devices_->usable({DeviceKind::port, hop.port});
    default:
      return true;
  }
}

std::uint32_t NextHops::living(const Hop& group) const {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < group.members.size(); ++i) {
    bits |= alive(group.members[i].hop) ? 1U << i : 0;
  }
  return bits;
}

const Hop& NextHops::first_living(const Hop& group) const {
  const std::uint32_t bits = living(group);
  return group.members[bits == 0 ? 0U : static_cast<unsigned>(std::countr_zero(bits))].hop;
}

void NextHops::devices_changed() {
  for (const auto& [hop, number] : numbers_) {
    Entry& entry = entries_[number];
    if (hop.kind != abi::HopKind::group) {
      continue;
    }
    if (const std::uint32_t now = living(hop); now != entry.alive) {
      entry.alive = now;
      send_group(entry);
    }
  }
}

void NextHops::committed(std::uint64_t serial) {
  for (NumberPool* pool : {&pool_, &groups_, &choices_}) {
    pool->committed(serial);
  }
}

void NextHops::applied(std::uint64_t serial) {
  for (NumberPool* pool : {&pool_, &groups_, &choices_}) {
    pool->applied(serial);
  }
}

// ---------------------------------------------------------------- commands

void NextHops::send_group(const Entry& entry) {
  abi::HopGroupSet command;
  command.group = entry.set;
  command.count = static_cast<std::uint32_t>(entry.members.size());
  command.alive = entry.alive;
  for (std::size_t i = 0; i < entry.members.size(); ++i) {
    command.next_hops[i] = entry.members[i];
    command.weights[i] = entry.hop.members[i].weight;
  }
  sink_->send(command);
}

void NextHops::send_choice(const Entry& entry) {
  abi::HopChoiceSet command;
  command.choice = entry.set;
  command.field = entry.hop.field;
  command.count = static_cast<std::uint8_t>(entry.hop.members.size());
  for (std::size_t i = 0; i < entry.hop.members.size(); ++i) {
    const HopMember& member = entry.hop.members[i];
    command.choices[i] = {.next_hop = entry.members[i],
                          .dscp = member.dscp,
                          .length = member.source.length,
                          .source = member.source.address};
  }
  command.otherwise = entry.hop.otherwise.empty() ? 0 : entry.members.back();
  sink_->send(command);
}

void NextHops::send(std::uint32_t number) {
  const Entry& entry = entries_[number];
  if (entry.hop.kind == abi::HopKind::group) {
    send_group(entry);
  } else if (entry.hop.kind == abi::HopKind::choice) {
    send_choice(entry);
  }
  abi::NextHopSet command;
  command.next_hop = number;
  command.kind = entry.hop.kind;
  command.allow_plain = entry.hop.allow_plain ? 1 : 0;
  command.port = entry.hop.port;
  command.interface = entry.hop.interface;
  command.mtu = entry.hop.mtu;
  command.neighbour = entry.neighbour;
  command.peer = entry.hop.peer;
  command.set = entry.set;
  sink_->send(command);
}

Owners::Owners(CommandSink* sink) : sink_(sink), pool_(1, abi::kMaxNextHops) {}

void Owners::restart() {
  pool_.restart();
  entries_.clear();
  numbers_.clear();
}

std::uint32_t Owners::acquire(const std::vector<Owner>& owners) {
  std::uint32_t next = 0;
  for (std::size_t i = owners.size(); i-- > 0;) {
    const Key key{owners[i].peer, owners[i].interface, next};
    if (const auto known = numbers_.find(key); known != numbers_.end()) {
      // A known owner holds its next itself.
      ++entries_[known->second].uses;
      if (next != 0) {
        release(next);
      }
      next = known->second;
      continue;
    }
    const auto number = pool_.take();
    if (!number) {
      ++exhausted_;
      if (next != 0) {
        release(next);
      }
      return 0;
    }
    entries_.resize(std::max<std::size_t>(entries_.size(), *number + 1));
    entries_[*number] = {key, 1};
    numbers_.emplace(key, *number);
    send(*number);
    next = *number;
  }
  return next;
}

void Owners::release(std::uint32_t number) {
  while (number != 0) {
    Entry& entry = entries_[number];
    if (--entry.uses > 0) {
      return;
    }
    numbers_.erase(entry.key);
    pool_.give_back(number);
    number = std::get<2>(entry.key);
  }
}

bool Owners::equals(std::uint32_t number, const std::vector<Owner>& owners) const {
  for (const Owner& owner : owners) {
    if (number == 0 || std::get<0>(entries_[number].key) != owner.peer ||
        std::get<1>(entries_[number].key) != owner.interface) {
      return false;
    }
    number = std::get<2>(entries_[number].key);
  }
  return number == 0;
}

void Owners::send(std::uint32_t number) {
  const auto& [peer, interface, next] = entries_[number].key;
  abi::OwnerSet command;
  command.owner = number;
  command.peer = peer;
  command.interface = interface;
  command.next = next;
  sink_->send(command);
}

}  // namespace gotthard::route
