#include "control/route/next_hops.h"

#include <algorithm>

namespace gotthard::route {

NextHops::NextHops(CommandSink* sink, Neighbours* neighbours)
    : sink_(sink),
      neighbours_(neighbours),
      pool_(1, abi::kMaxNextHops),
      entries_(abi::kMaxNextHops) {
  acquire(Hop{}, 0);
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
      ++entries_[kBlackhole].uses;
      return kBlackhole;
    }
    neighbour = *used;
  }
  const auto number = pool_.take(hint_);
  if (!number) {
    if (neighbour != abi::kNoNeighbour) {
      neighbours_->release(neighbour);
    }
    ++exhausted_;
    ++entries_[kBlackhole].uses;
    return kBlackhole;
  }
  hint_ = *number;
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

void NextHops::resend() {
  pool_.restart();
  for (const auto& [hop, number] : numbers_) {
    send(number);
  }
}

Owners::Owners(CommandSink* sink)
    : sink_(sink), pool_(1, abi::kMaxNextHops), entries_(abi::kMaxNextHops) {}

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
    const auto number = pool_.take(hint_);
    if (!number) {
      ++exhausted_;
      if (next != 0) {
        release(next);
      }
      return 0;
    }
    hint_ = *number;
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

// An owner names only what was sent before it: shorter chains first.
void Owners::resend() {
  pool_.restart();
  std::vector<std::pair<unsigned, std::uint32_t>> by_depth;
  by_depth.reserve(numbers_.size());
  for (const auto& [key, number] : numbers_) {
    unsigned depth = 0;
    for (std::uint32_t next = std::get<2>(key); next != 0; next = std::get<2>(entries_[next].key)) {
      ++depth;
    }
    by_depth.emplace_back(depth, number);
  }
  std::ranges::sort(by_depth);
  for (const auto& [depth, number] : by_depth) {
    send(number);
  }
}

}  // namespace gotthard::route
