#include "control/route/next_hops.h"

#include <algorithm>

namespace gotthard::route {

NextHops::NextHops(CommandSink* sink, Neighbours* neighbours)
    : sink_(sink), neighbours_(neighbours), pool_(1, abi::kMaxNextHops) {}

void NextHops::restart() {
  pool_.restart();
  entries_.clear();
  numbers_.clear();
  blackhole_ = acquire(Hop{}, 0);
}

std::uint32_t NextHops::acquire(const Hop& hop, Nanoseconds now) {
  if (const auto known = numbers_.find(hop); known != numbers_.end()) {
    ++entries_[known->second].uses;
    return known->second;
  }
  std::uint32_t neighbour = abi::kNoNeighbour;
  if (hop.kind == abi::HopKind::neighbour) {
    const auto used = neighbours_->use(hop.port, hop.neighbour, now);
    if (!used) {
      ++exhausted_;
      ++entries_[blackhole_].uses;
      return blackhole_;
    }
    neighbour = *used;
  }
  const auto number = pool_.take();
  if (!number) {
    if (neighbour != abi::kNoNeighbour) {
      neighbours_->release(neighbour);
    }
    ++exhausted_;
    ++entries_[blackhole_].uses;
    return blackhole_;
  }
  entries_.resize(std::max<std::size_t>(entries_.size(), *number + 1));
  entries_[*number] = {hop, 1, neighbour};
  numbers_.emplace(hop, *number);
  send(*number);
  return *number;
}

void NextHops::release(std::uint32_t number) {
  Entry& entry = entries_[number];
  if (--entry.uses > 0) {
    return;
  }
  if (entry.neighbour != abi::kNoNeighbour) {
    neighbours_->release(entry.neighbour);
  }
  numbers_.erase(entry.hop);
  pool_.give_back(number);
}

void NextHops::send(std::uint32_t number) {
  const Entry& entry = entries_[number];
  abi::NextHopSet command;
  command.next_hop = number;
  command.kind = entry.hop.kind;
  command.allow_plain = entry.hop.allow_plain ? 1 : 0;
  command.port = entry.hop.port;
  command.interface = entry.hop.interface;
  command.mtu = entry.hop.mtu;
  command.neighbour = entry.neighbour;
  command.peer = entry.hop.peer;
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
