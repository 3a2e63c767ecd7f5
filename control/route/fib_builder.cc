#include "control/route/fib_builder.h"

#include <algorithm>
#include <utility>

#include "control/route/address.h"
#include "control/route/fib_state.h"

namespace gotthard::route {

namespace {

std::string_view refusal(Target::Kind kind) {
  using Kind = Target::Kind;
  switch (kind) {
    case Kind::blackhole:
      return "blackhole, or through a link that is not ours";
    case Kind::unreachable:
      return "unreachable";
    case Kind::prohibit:
      return "prohibited";
    case Kind::not_followed:
      return "not followed";
    case Kind::local:
      return "the address is ours";
    case Kind::forward:
      return "";
    case Kind::none:
    case Kind::no_route:
    case Kind::guard:
      break;
  }
  return "no route";
}

}  // namespace

FibBuilder::FibBuilder(Callbacks callbacks)
    : state_(std::make_unique<State>(std::move(callbacks))) {}
FibBuilder::~FibBuilder() = default;

void FibBuilder::configure(const config::Config& config, Nanoseconds now) {
  state_->now = now;
  state_->devices.configure(config);
  state_->table.set_static_routes(config.routes);
  std::set<std::pair<std::uint16_t, Prefix>> plain;
  for (std::size_t port = 0; port < state_->devices.ports(); ++port) {
    for (const Prefix& prefix : config.ports[port].allow_plain) {
      plain.emplace(static_cast<std::uint16_t>(port), prefix);
    }
  }
  for (const auto& [port, prefix] : state_->plain) {
    state_->table.set_plain(port, prefix, false);
  }
  for (const auto& [port, prefix] : plain) {
    state_->table.set_plain(port, prefix, true);
  }
  state_->plain = std::move(plain);
  state_->devices_changed();
}

void FibBuilder::apply(const Change& change) {
  std::visit([this](const auto& value) { state_->apply(value); }, change);
}

void FibBuilder::add_allowed_ip(std::uint16_t interface, std::uint32_t peer, const Prefix& given) {
  if (interface >= abi::kMaxInterfaces || peer >= abi::kMaxPeers) {
    return;
  }
  const Prefix prefix = to_prefix(given.address.family, to_key(given));
  const auto [owner, is_new] = state_->owner_of.try_emplace({interface, prefix}, peer);
  if (!is_new) {
    if (owner->second == peer) {
      return;
    }
    state_->allowed_of[owner->second].erase({interface, prefix});
    owner->second = peer;
  }
  state_->allowed_of[peer].insert({interface, prefix});
  state_->table.set_allowed_ip(interface, prefix, peer);
}

void FibBuilder::remove_allowed_ip(std::uint16_t interface, std::uint32_t peer,
                                   const Prefix& given) {
  const Prefix prefix = to_prefix(given.address.family, to_key(given));
  const auto owner = state_->owner_of.find({interface, prefix});
  if (owner == state_->owner_of.end() || owner->second != peer) {
    return;
  }
  state_->owner_of.erase(owner);
  state_->allowed_of[peer].erase({interface, prefix});
  state_->table.set_allowed_ip(interface, prefix, abi::kNoPeer);
}

void FibBuilder::set_allowed_ips(std::uint16_t interface, std::uint32_t peer,
                                 std::span<const Prefix> prefixes) {
  std::set<Prefix> wanted;
  for (const Prefix& prefix : prefixes) {
    wanted.insert(to_prefix(prefix.address.family, to_key(prefix)));
  }
  const auto had = state_->allowed_of[peer];
  for (const auto& [at, prefix] : had) {
    if (at != interface || !wanted.contains(prefix)) {
      remove_allowed_ip(at, peer, prefix);
    }
  }
  for (const Prefix& prefix : wanted) {
    add_allowed_ip(interface, peer, prefix);
  }
}

std::size_t FibBuilder::allowed_ip_count() const { return state_->owner_of.size(); }

std::vector<Prefix> FibBuilder::allowed_ips(std::uint32_t peer) const {
  std::vector<Prefix> result;
  if (const auto allowed = state_->allowed_of.find(peer); allowed != state_->allowed_of.end()) {
    for (const auto& [interface, prefix] : allowed->second) {
      result.push_back(prefix);
    }
  }
  return result;
}

void FibBuilder::remove_peer(std::uint32_t peer) {
  const auto had = state_->allowed_of[peer];
  for (const auto& [interface, prefix] : had) {
    remove_allowed_ip(interface, peer, prefix);
  }
  state_->allowed_of.erase(peer);
  set_endpoint(0, peer, Address{});
}

void FibBuilder::set_endpoint(std::uint16_t interface, std::uint32_t peer, const Address& remote,
                              const Address& known_as) {
  state_->endpoints.set(peer, {.interface = interface, .remote = remote, .known_as = known_as},
                        state_->now);
}
void FibBuilder::set_mark(std::uint16_t interface, std::uint32_t mark) {
  if (state_->underlay.set_mark(interface, mark)) {
    state_->endpoints.forget_known(interface);
  }
}
const std::set<std::uint32_t>& FibBuilder::marks() const { return state_->underlay.marks(); }

std::optional<ResolvedEndpoint> FibBuilder::endpoint(std::uint32_t peer) const {
  return state_->endpoints.at(peer);
}
std::vector<std::uint32_t> FibBuilder::take_changed_endpoints() {
  return state_->endpoints.take_changed();
}
std::optional<ResolvedEndpoint> FibBuilder::resolve_endpoint(std::uint16_t interface,
                                                             const Address& remote,
                                                             Nanoseconds now) {
  return state_->endpoints.resolve_once({.interface = interface, .remote = remote, .known_as = {}},
                                        now);
}

void FibBuilder::flush(Nanoseconds now) { state_->flush(now); }

void FibBuilder::attach(Nanoseconds now) {
  State& state = *state_;
  state.sink.attach(false);
  state.update_local_addresses();
  state.sink.attach(true);
  state.vlans.clear();
  state.update_vlans();
  for (const OwnedAddress& address : state.local) {
    state.sink.send(abi::LocalAddressSet{address.owner, address.address});
  }
  state.neighbours.restart();
  state.hops.restart();
  state.owners.restart();
  state.table.restart();
  state.endpoints.restart();
  state.sink.need_commit();
  state.flush(now);
  (void)state.endpoints.take_changed();
}

void FibBuilder::detach() { state_->sink.attach(false); }

void FibBuilder::on_applied(std::uint64_t serial) {
  if (state_->sink.attached()) {
    state_->neighbours.applied(serial);
    state_->hops.applied(serial);
    state_->owners.applied(serial);
  }
}

void FibBuilder::on_need_neighbour(std::uint16_t port, const Address& address, Nanoseconds now) {
  if (!state_->neighbours.in_use(port, address)) {
    const Target target = state_->table.lookup(address);
    const bool on_link = std::ranges::any_of(target.ways, [port](const Way& way) {
      return way.device == Device{DeviceKind::port, port} && way.gateway.family == Family::none;
    });
    if (!on_link || state_->devices.is_no_station(port, address)) {
      return;
    }
  }
  (void)state_->neighbours.ask(port, address, now);
}

void FibBuilder::on_time(Nanoseconds now) {
  state_->endpoints.expire(now);
  state_->neighbours.refresh(now);
}

bool FibBuilder::synchronised() const { return state_->devices.synchronised(); }
bool FibBuilder::tunnel_up(std::uint16_t interface) const {
  return state_->devices.tunnel_up(interface);
}

std::uint16_t FibBuilder::tunnel_mtu(std::uint16_t interface) const {
  return state_->devices.mtu({DeviceKind::tunnel, interface});
}

void FibBuilder::for_each_route(const std::function<void(const Prefix&, const Hop&)>& each) const {
  state_->table.for_each_route(each);
}

std::vector<RuleNotFollowed> FibBuilder::rules_not_followed() const {
  return state_->underlay.not_followed();
}

std::optional<OuterWay> FibBuilder::outer_way(std::uint32_t peer) const {
  const auto found = state_->endpoints.outer_way(peer);
  if (!found) {
    return std::nullopt;
  }
  OuterWay result;
  if (found->rule != nullptr) {
    result.rule = *found->rule;
    result.table = found->rule->table;
  }
  result.refusal = refusal(found->target.kind);
  return result;
}

const std::set<KernelRoute>& FibBuilder::routes_not_followed() const { return state_->unfollowed; }

bool FibBuilder::alive(const Hop& hop) const { return state_->hops.alive(hop); }

void FibBuilder::set_port_link(std::uint16_t port, bool up) {
  state_->devices.set_port_link(port, up);
  state_->ways_changed = true;
}

void FibBuilder::for_each_neighbour(const std::function<void(const NeighbourInUse&)>& each) const {
  state_->neighbours.for_each(each);
}

std::string FibBuilder::port_name(std::uint16_t port) const {
  return state_->devices.name_of_port(port);
}

std::vector<abi::VlanSet> FibBuilder::vlans() const { return state_->vlans; }

FibCounters FibBuilder::counters() const {
  FibCounters counters;
  counters.prefixes = state_->table.prefixes();
  counters.sources = state_->table.sources();
  counters.next_hops = state_->hops.size();
  counters.owners = state_->owners.size();
  counters.neighbours = state_->neighbours.size();
  counters.exhausted = state_->hops.exhausted() + state_->owners.exhausted();
  counters.local_left_out = state_->local_left_out;
  counters.vlans_left_out = state_->devices.vlans_left_out();
  counters.resolve_limited = state_->neighbours.limited();
  return counters;
}

}  // namespace gotthard::route
