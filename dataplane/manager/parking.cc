#include "dataplane/manager/parking.h"

#include <iterator>

namespace gotthard::dataplane {
namespace {

Drop timeout_reason(WaitKind kind) {
  return kind == WaitKind::session ? Drop::no_session : Drop::neighbour_unresolved;
}

Nanoseconds patience(WaitKind kind) {
  switch (kind) {
    case WaitKind::session:
      return Parking::kSessionWait;
    case WaitKind::neighbour:
      return Parking::kNeighbourWait;
    case WaitKind::address:
      break;
  }
  return Parking::kAddressWait;
}

}  // namespace

Parking::~Parking() {
  for (auto& [key, queue] : queues_) {
    for (const Parked& parked : queue.packets) {
      rte_pktmbuf_free(parked.mbuf);
    }
  }
}

bool Parking::park(const WaitKey& key, rte_mbuf* mbuf, Nanoseconds now) {
  if (size_ == kTotal) {
    drop_(mbuf, Drop::park_full);
    return false;
  }
  const bool session = key.kind == WaitKind::session;
  Queue& queue = queues_[key];
  if (queue.packets.size() == (session ? kPerSession : kPerNeighbour)) {
    drop_(queue.packets.front().mbuf, Drop::park_full);
    queue.packets.pop_front();
    --size_;
  }
  queue.packets.push_back({.mbuf = mbuf, .until = now + patience(key.kind)});
  ++size_;
  if (queue.told != 0 && now - queue.told < kSecond) {
    return false;
  }
  queue.told = now;
  return true;
}

std::vector<rte_mbuf*> Parking::release(const WaitKey& key) {
  std::vector<rte_mbuf*> result;
  const auto found = queues_.find(key);
  if (found != queues_.end()) {
    for (const Parked& parked : found->second.packets) {
      result.push_back(parked.mbuf);
    }
    size_ -= result.size();
    queues_.erase(found);
  }
  return result;
}

std::vector<WaitKey> Parking::expire(Nanoseconds now) {
  std::vector<WaitKey> again;
  for (auto it = queues_.begin(); it != queues_.end();) {
    auto& packets = it->second.packets;
    while (!packets.empty() && packets.front().until <= now) {
      drop_(packets.front().mbuf, timeout_reason(it->first.kind));
      packets.pop_front();
      --size_;
    }
    // An empty queue is kept for a second so that what is asked again and again is told only once.
    const bool old = now - it->second.told >= kSecond;
    if (old && !packets.empty() && it->first.kind == WaitKind::neighbour) {
      it->second.told = now;
      again.push_back(it->first);
    }
    it = old && packets.empty() ? queues_.erase(it) : std::next(it);
  }
  return again;
}

std::vector<WaitKey> Parking::waiting(WaitKind kind) const {
  std::vector<WaitKey> result;
  for (const auto& [key, queue] : queues_) {
    if (key.kind == kind && !queue.packets.empty()) {
      result.push_back(key);
    }
  }
  return result;
}

}  // namespace gotthard::dataplane
