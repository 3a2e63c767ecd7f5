#include "control/route/endpoints.h"

#include <algorithm>

#include "base/rendezvous.h"

namespace gotthard::route {
namespace {

constexpr Nanoseconds kPassingTime = 60 * kSecond;
// Stations on-link that send handshakes and are no peer's endpoint (yet).
constexpr std::size_t kMaxPassing = 1024;

}  // namespace

Endpoints::Endpoints(const Devices* devices, FibTable* table, Neighbours* neighbours)
    : devices_(devices), table_(table), neighbours_(neighbours) {}

// Of several ways each endpoint has its own, among those that are alive.
const Way& Endpoints::one_of(const std::vector<Way>& ways, const Address& remote) const {
  const std::uint64_t item = RendezvousHash().add_all(remote.bytes).value();
  const Way* best = nullptr;
  std::pair<bool, double> best_score;
  for (const Way& way : ways) {
    const std::uint64_t candidate =
        RendezvousHash().add(owner_number(way.device), 2).add_all(way.gateway.bytes).value();
    const std::pair score{devices_->usable(way.device),
                          rendezvous_score(candidate, item, way.weight)};
    if (best == nullptr || score > best_score) {
      best = &way;
      best_score = score;
    }
  }
  return *best;
}

std::optional<Endpoints::Location> Endpoints::locate(const Address& remote,
                                                     const Address& known_as) {
  // A link-local address says nothing without its port.
  if (remote.family == Family::none || is_link_local(remote) || is_multicast(remote)) {
    return std::nullopt;
  }
  const Target target =
      table_->underlay(remote, [](const Way& way) { return way.device.kind == DeviceKind::port; });
  if (target.kind != Target::Kind::forward) {
    return std::nullopt;
  }
  const Way& way = one_of(target.ways, remote);
  Location location;
  location.port = way.device.number;
  location.next_hop = way.gateway.family == Family::none ? remote : way.gateway;
  location.mtu = way.mtu;
  if (devices_->is_no_station(location.port, location.next_hop)) {
    return std::nullopt;
  }
  const bool known = known_as.family == remote.family && devices_->is_local(known_as);
  const auto local = devices_->select_source(location.port, location.next_hop, remote,
                                             known ? known_as : target.source);
  if (!local || *local == remote) {
    return std::nullopt;
  }
  location.local = *local;
  return location;
}

std::optional<ResolvedEndpoint> Endpoints::resolve(const Address& remote, const Address& known_as,
                                                   Nanoseconds now) {
  const auto location = locate(remote, known_as);
  if (!location) {
    return std::nullopt;
  }
  const auto neighbour = neighbours_->use(location->port, location->next_hop, now);
  if (!neighbour) {
    return std::nullopt;
  }
  return ResolvedEndpoint{location->port, *neighbour, location->local, location->mtu};
}

void Endpoints::update(std::uint32_t peer, Nanoseconds now) {
  State& state = peers_.at(peer);
  const auto old = state.resolved;
  state.resolved = resolve(state.remote, state.known_as, now);
  if (old) {
    neighbours_->release(old->neighbour);
  }
  if (state.resolved != old) {
    changed_.insert(peer);
  }
}

void Endpoints::set(std::uint32_t peer, const Address& remote, const Address& known_as,
                    Nanoseconds now) {
  if (const auto known = peers_.find(peer); known != peers_.end()) {
    if (known->second.remote == remote && known->second.known_as == known_as) {
      return;
    }
    const auto at = by_remote_.find(known->second.remote);
    at->second.erase(peer);
    if (at->second.empty()) {
      by_remote_.erase(at);
    }
    if (known->second.resolved) {
      neighbours_->release(known->second.resolved->neighbour);
    }
    peers_.erase(known);
  }
  if (remote.family != Family::none) {
    peers_[peer] = {.remote = remote, .known_as = known_as, .resolved = {}};
    by_remote_[remote].insert(peer);
    if (started_) {
      update(peer, now);
    }
  }
  changed_.erase(peer);  // whoever sets it reads it
}

std::optional<ResolvedEndpoint> Endpoints::at(std::uint32_t peer) const {
  const auto at = peers_.find(peer);
  return at == peers_.end() ? std::nullopt : at->second.resolved;
}

std::vector<std::uint32_t> Endpoints::take_changed() {
  std::vector<std::uint32_t> result(changed_.begin(), changed_.end());
  changed_.clear();
  return result;
}

void Endpoints::restart() {
  started_ = true;
  for (auto& [peer, state] : peers_) {
    state.resolved.reset();
  }
  passing_.clear();
}

void Endpoints::resolve_all(Nanoseconds now) {
  for (const auto& [peer, state] : peers_) {
    update(peer, now);
  }
}

void Endpoints::resolve_in(const Prefix& prefix, Nanoseconds now) {
  for (auto at = by_remote_.lower_bound(prefix.address);
       at != by_remote_.end() && covers(prefix, at->first); ++at) {
    for (const std::uint32_t peer : at->second) {
      update(peer, now);
    }
  }
}

std::optional<ResolvedEndpoint> Endpoints::resolve_once(const Address& remote, Nanoseconds now) {
  const auto location = started_ ? locate(remote, {}) : std::nullopt;
  if (!location || (passing_.size() >= kMaxPassing &&
                    !neighbours_->in_use(location->port, location->next_hop))) {
    return std::nullopt;
  }
  const auto resolved = resolve(remote, {}, now);
  if (!resolved) {
    return std::nullopt;
  }
  const auto [passing, is_new] = passing_.try_emplace(resolved->neighbour);
  passing->second = now + kPassingTime;
  if (!is_new) {
    neighbours_->release(resolved->neighbour);  // one use, however often
  }
  return resolved;
}

void Endpoints::expire(Nanoseconds now) {
  for (auto at = passing_.begin(); at != passing_.end();) {
    if (now < at->second) {
      ++at;
      continue;
    }
    neighbours_->release(at->first);
    at = passing_.erase(at);
  }
}

}  // namespace gotthard::route
