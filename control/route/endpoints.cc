#include "control/route/endpoints.h"

#include <algorithm>
#include <utility>

#include "base/rendezvous.h"

namespace gotthard::route {
namespace {

constexpr Nanoseconds kPassingTime = 60 * kSecond;
constexpr Nanoseconds kLongestWait = kSecond;  // for the next hop of another way
// Stations on-link that send handshakes and are no peer's endpoint (yet).
constexpr std::size_t kMaxPassing = 1024;

}  // namespace

Endpoints::Endpoints(const Devices* devices, FibTable* table, Underlay* underlay,
                     Neighbours* neighbours)
    : devices_(devices), table_(table), underlay_(underlay), neighbours_(neighbours) {}

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

Underlay::Found Endpoints::find(const Question& question, bool nested) {
  return underlay_->find(question.interface, question.remote, [&](const Way& way) {
    return way.device.kind == DeviceKind::port ||
           (nested && way.device.number != question.interface);
  });
}

// Rules are there to send packets to the network that their source is of. So one port's address is
// no source of what goes by another port, as it is none on a kernel interface.
bool Endpoints::may_be_known_as(const Question& question, const Device& device) const {
  return question.known_as.family == question.remote.family &&
         devices_->is_local(question.known_as) &&
         (!underlay_->is_marked(question.interface) ||
          !devices_->is_other_underlays(device, question.known_as));
}

std::optional<Endpoints::Location> Endpoints::first_way(const Question& question, bool nested) {
  const Address& remote = question.remote;
  // A link-local address says nothing without its port.
  if (remote.family == Family::none || is_link_local(remote) || is_multicast(remote)) {
    return std::nullopt;
  }
  const Target target = find(question, nested).target;
  if (target.kind != Target::Kind::forward) {
    return std::nullopt;
  }
  const Way& way = one_of(target.ways, remote);
  Location location;
  location.next_hop = way.gateway.family == Family::none ? remote : way.gateway;
  location.mtu = way.mtu;
  if (way.device.kind == DeviceKind::tunnel) {
    location.through = table_->peer_for(way.device.number, remote);
    if (location.through == abi::kNoPeer) {
      return std::nullopt;
    }
  } else {
    location.port = way.device.number;
    if (devices_->is_no_station(location.port, location.next_hop)) {
      return std::nullopt;
    }
  }
  const bool known = may_be_known_as(question, way.device);
  const auto local = devices_->select_source(way.device, location.next_hop, remote,
                                             known ? question.known_as : target.source);
  if (!local || *local == remote) {
    return std::nullopt;
  }
  location.local = *local;
  return location;
}

// Through tunnels into the interface that it began with. Others' loops are theirs: they end here.
bool Endpoints::leads_back(const Location& location, std::uint16_t interface) {
  std::uint32_t through = location.through;
  for (std::size_t step = 0; step < abi::kMaxInterfaces; ++step) {
    const auto peer = peers_.find(through);
    if (peer == peers_.end()) {
      return false;
    }
    if (peer->second.question.interface == interface) {
      return true;
    }
    const auto next = first_way(peer->second.question, true);
    if (!next) {
      return false;
    }
    through = next->through;
  }
  return false;
}

std::optional<Endpoints::Location> Endpoints::around_loops(const Question& question) {
  auto location = first_way(question, true);
  if (location && location->through != abi::kNoPeer && leads_back(*location, question.interface)) {
    location = first_way(question, false);
  }
  return location;
}

bool Endpoints::too_deep(const Location& location) {
  constexpr int kMaxTunnels = 4;  // as the data plane has room for
  std::uint32_t through = location.through;
  for (int tunnels = 1; through != abi::kNoPeer; ++tunnels) {
    const auto peer = peers_.find(through);
    if (tunnels == kMaxTunnels) {
      return true;
    }
    if (peer == peers_.end()) {
      return false;  // it goes nowhere yet
    }
    const auto next = around_loops(peer->second.question);
    through = next ? next->through : abi::kNoPeer;
  }
  return false;
}

std::optional<Endpoints::Location> Endpoints::locate(const Question& question) {
  const auto location = around_loops(question);
  return location && too_deep(*location) ? std::nullopt : location;
}

std::optional<ResolvedEndpoint> Endpoints::resolve(const Question& question, Nanoseconds now) {
  const auto location = locate(question);
  if (!location) {
    return std::nullopt;
  }
  if (location->through != abi::kNoPeer) {
    return ResolvedEndpoint{
        .local = location->local, .mtu = location->mtu, .through = location->through};
  }
  const auto neighbour = neighbours_->use(location->port, location->next_hop, now);
  if (!neighbour) {
    return std::nullopt;
  }
  return ResolvedEndpoint{location->port, *neighbour, location->local, location->mtu};
}

void Endpoints::release(const std::optional<ResolvedEndpoint>& resolved) {
  if (resolved && resolved->neighbour != abi::kNoNeighbour) {
    neighbours_->release(resolved->neighbour);
  }
}

// The way before can be gone by still, and the next hop of the one to be is being asked for.
bool Endpoints::goes_on(const State& state, const ResolvedEndpoint& next) const {
  const auto& before = state.resolved;
  return underlay_->is_marked(state.question.interface) && before &&
         before->neighbour != abi::kNoNeighbour && next.neighbour != abi::kNoNeighbour &&
         next.neighbour != before->neighbour && !neighbours_->reachable(next.neighbour) &&
         neighbours_->reachable(before->neighbour) && devices_->is_local(before->local) &&
         devices_->usable({DeviceKind::port, before->port});
}

// `next` is in use already.
void Endpoints::move(std::uint32_t peer, State* state, const std::optional<ResolvedEndpoint>& next,
                     Nanoseconds now) {
  const auto waited_for = std::exchange(state->next, std::nullopt);
  if (next && goes_on(*state, *next)) {
    state->waits_until = waited_for ? state->waits_until : now + kLongestWait;
    if (now < state->waits_until) {
      state->next = next;
      waiting_.insert(peer);
      release(waited_for);
      return;
    }
  }
  waiting_.erase(peer);
  release(waited_for);
  const auto old = std::exchange(state->resolved, next);
  release(old);
  if (state->resolved != old) {
    changed_.insert(peer);
  }
}

void Endpoints::update(std::uint32_t peer, Nanoseconds now) {
  State& state = peers_.at(peer);
  move(peer, &state, resolve(state.question, now), now);
  const auto way = first_way(state.question, true);
  if (way && way->through != abi::kNoPeer) {
    nested_.insert(peer);
  } else {
    nested_.erase(peer);
  }
}

void Endpoints::set(std::uint32_t peer, const Question& question, Nanoseconds now) {
  if (const auto known = peers_.find(peer); known != peers_.end()) {
    if (known->second.question == question) {
      return;
    }
    const auto at = by_remote_.find(known->second.question.remote);
    at->second.erase(peer);
    if (at->second.empty()) {
      by_remote_.erase(at);
    }
    release(known->second.resolved);
    release(known->second.next);
    peers_.erase(known);
    nested_.erase(peer);
    waiting_.erase(peer);
  }
  moved_ = true;
  if (question.remote.family != Family::none) {
    peers_[peer].question = question;
    by_remote_[question.remote].insert(peer);
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
    state.next.reset();
  }
  waiting_.clear();
  passing_.clear();
}

void Endpoints::resolve_all(Nanoseconds now) {
  moved_ = false;
  for (const auto& [peer, state] : peers_) {
    update(peer, now);
  }
}

void Endpoints::resolve_waiting(Nanoseconds now) {
  for (const std::uint32_t peer : std::set(waiting_)) {
    const State& state = peers_.at(peer);
    if (now >= state.waits_until || !goes_on(state, *state.next)) {
      update(peer, now);
      moved_ = true;
    }
  }
}

void Endpoints::resolve_nested(Nanoseconds now) {
  if (!std::exchange(moved_, false)) {
    return;
  }
  for (const std::uint32_t peer : std::set(nested_)) {
    update(peer, now);
  }
}

void Endpoints::resolve_in(const Prefix& prefix, Nanoseconds now) {
  for (auto at = by_remote_.lower_bound(prefix.address);
       at != by_remote_.end() && covers(prefix, at->first); ++at) {
    for (const std::uint32_t peer : at->second) {
      update(peer, now);
      moved_ = true;
    }
  }
}

std::optional<ResolvedEndpoint> Endpoints::resolve_once(const Question& question, Nanoseconds now) {
  const auto location = started_ ? locate(question) : std::nullopt;
  if (!location) {
    return std::nullopt;
  }
  const bool nested = location->through != abi::kNoPeer;
  if (!nested && passing_.size() >= kMaxPassing &&
      !neighbours_->in_use(location->port, location->next_hop)) {
    return std::nullopt;
  }
  const auto resolved = resolve(question, now);
  if (!resolved || nested) {
    return resolved;
  }
  const auto [passing, is_new] = passing_.try_emplace(resolved->neighbour);
  passing->second = now + kPassingTime;
  if (!is_new) {
    neighbours_->release(resolved->neighbour);  // one use, however often
  }
  return resolved;
}

void Endpoints::forget_known(std::uint16_t interface) {
  for (auto& [peer, state] : peers_) {
    if (state.question.interface == interface) {
      state.question.known_as = {};
    }
  }
}

std::optional<Underlay::Found> Endpoints::outer_way(std::uint32_t peer) {
  const auto at = peers_.find(peer);
  return at == peers_.end() ? std::nullopt : std::optional(find(at->second.question, true));
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
