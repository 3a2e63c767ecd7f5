#include "control/route/neighbours.h"

#include <algorithm>

namespace gotthard::route {
namespace {

constexpr Nanoseconds kRefreshInterval = 30 * kSecond;
// An inside host that scans a network must not fill the kernel's neighbour table (1,024 entries by
// default) in an instant.
constexpr double kAsksPerSecond = 100;
constexpr double kAskBurst = 200;

bool has_mac(const Neighbour& neighbour) {
  return neighbour.state == Reachability::reachable || neighbour.state == Reachability::stale;
}

}  // namespace

Neighbours::Neighbours(CommandSink* sink, const Devices* devices, Resolve resolve)
    : sink_(sink),
      devices_(devices),
      resolve_(std::move(resolve)),
      pool_(0, abi::kMaxNeighbours),
      tokens_(kAskBurst) {}

const Neighbour* Neighbours::find(int link, const Address& address) const {
  const auto at = kernel_.find({link, address});
  return at == kernel_.end() ? nullptr : &at->second;
}

bool Neighbours::usable(int link, const Address& address) const {
  const Neighbour* neighbour = find(link, address);
  return neighbour != nullptr && has_mac(*neighbour);
}

void Neighbours::for_each_usable(
    const std::function<void(int link, const Address& address)>& each) const {
  for (const auto& [key, neighbour] : kernel_) {
    if (has_mac(neighbour)) {
      each(key.first, key.second);
    }
  }
}

void Neighbours::for_each(const std::function<void(const NeighbourInUse&)>& each) const {
  for (const auto& [key, entry] : by_address_) {
    each(
        {.port = key.first, .address = key.second, .mac = entry.mac, .reachable = entry.reachable});
  }
}

bool Neighbours::apply(const Neighbour& neighbour) {
  const bool before = usable(neighbour.link, neighbour.address);
  kernel_[{neighbour.link, neighbour.address}] = neighbour;
  update(neighbour.link, neighbour.address);
  return before != has_mac(neighbour);
}

bool Neighbours::apply(const NeighbourGone& gone) {
  const bool before = usable(gone.link, gone.address);
  kernel_.erase({gone.link, gone.address});
  update(gone.link, gone.address);
  return before;
}

void Neighbours::update(int link, const Address& address) {
  const Device device = devices_->by_link(link);
  if (device.kind != DeviceKind::port) {
    return;
  }
  const Key key{device.number, address};
  const auto at = by_address_.find(key);
  if (at == by_address_.end()) {
    return;
  }
  Entry read = at->second;
  read_kernel(key, &read);
  if (read.mac != at->second.mac || read.reachable != at->second.reachable) {
    if (!read.changed) {
      changed_.push_back(key);
    }
    read.changed = true;
    at->second = read;
  }
}

void Neighbours::read_kernel(const Key& key, Entry* entry) const {
  const Neighbour* neighbour = find(devices_->link_of_port(key.first), key.second);
  entry->reachable = neighbour != nullptr && has_mac(*neighbour);
  entry->mac = entry->reachable ? neighbour->mac : Mac{};
}

void Neighbours::rematch() {
  for (auto& [key, entry] : by_address_) {
    read_kernel(key, &entry);
    entry.changed = true;
    changed_.push_back(key);
  }
}

std::optional<std::uint32_t> Neighbours::use(std::uint16_t port, const Address& address,
                                             Nanoseconds now) {
  const Key key{port, address};
  auto at = by_address_.find(key);
  if (at == by_address_.end()) {
    const auto number = pool_.take();
    if (!number) {
      return std::nullopt;
    }
    at = by_address_.emplace(key, Entry{}).first;
    at->second.number = *number;
    by_number_.emplace(*number, key);
    read_kernel(key, &at->second);
    send(key, at->second);
    if (!at->second.reachable && ask(port, address, now)) {
      at->second.asked_at = now;
    }
  }
  ++at->second.uses;
  return at->second.number;
}

bool Neighbours::reachable(std::uint32_t number) const {
  const auto key = by_number_.find(number);
  return key != by_number_.end() && by_address_.at(key->second).reachable;
}

void Neighbours::release(std::uint32_t number) {
  Entry& entry = by_address_.at(by_number_.at(number));
  if (--entry.uses == 0) {
    unused_.push_back({number, ++entry.times_unused});
    sink_->need_commit();
  }
}

bool Neighbours::in_use(std::uint16_t port, const Address& address) const {
  const auto at = by_address_.find({port, address});
  return at != by_address_.end() && at->second.uses > 0;
}

void Neighbours::send(const Key& key, const Entry& entry) {
  abi::NeighbourSet command;
  command.neighbour = entry.number;
  command.port = key.first;
  command.mac = entry.mac;
  command.reachable = entry.reachable ? 1 : 0;
  command.address = key.second;
  sink_->send(command);
}

void Neighbours::flush() {
  for (const Key& key : changed_) {
    if (const auto at = by_address_.find(key); at != by_address_.end() && at->second.changed) {
      at->second.changed = false;
      send(key, at->second);
    }
  }
  changed_.clear();
  for (const auto& [number, times_unused] : ready_) {
    const auto at = by_number_.find(number);
    if (at == by_number_.end()) {
      continue;
    }
    const Entry& entry = by_address_.at(at->second);
    if (entry.uses > 0 || entry.times_unused != times_unused) {
      continue;
    }
    by_address_.erase(at->second);
    by_number_.erase(at);
    sink_->send(abi::NeighbourRemove{number});
    sink_->need_commit();
    pool_.give_back(number);
  }
  ready_.clear();
}

void Neighbours::committed(std::uint64_t serial) {
  pool_.committed(serial);
  for (const Unused& unused : unused_) {
    idle_.push_back({serial, unused});
  }
  unused_.clear();
}

void Neighbours::applied(std::uint64_t serial) {
  pool_.applied(serial);
  while (!idle_.empty() && idle_.front().serial <= serial) {
    ready_.push_back(idle_.front().unused);
    idle_.pop_front();
  }
}

void Neighbours::restart() {
  pool_.restart();
  by_address_.clear();
  by_number_.clear();
  changed_.clear();
  unused_.clear();
  idle_.clear();
  ready_.clear();
}

bool Neighbours::ask(std::uint16_t port, const Address& address, Nanoseconds now) {
  if (now > tokens_at_) {
    const double seconds = static_cast<double>(now - tokens_at_) / static_cast<double>(kSecond);
    tokens_ = std::min(kAskBurst, tokens_ + seconds * kAsksPerSecond);
    tokens_at_ = now;
  }
  if (tokens_ < 1) {
    ++limited_;
    return false;
  }
  tokens_ -= 1;
  resolve_(port, address);
  return true;
}

void Neighbours::refresh(Nanoseconds now) {
  for (auto& [key, entry] : by_address_) {
    if (entry.uses == 0 || now < entry.asked_at + kRefreshInterval) {
      continue;
    }
    const Neighbour* neighbour = find(devices_->link_of_port(key.first), key.second);
    if (neighbour == nullptr || neighbour->state != Reachability::stale) {
      continue;
    }
    if (!ask(key.first, key.second, now)) {
      return;
    }
    entry.asked_at = now;
  }
}

}  // namespace gotthard::route
