#include "control/route/fib_builder.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "control/route/address.h"
#include "control/route/command_sink.h"
#include "control/route/devices.h"
#include "control/route/endpoints.h"
#include "control/route/fib_table.h"
#include "control/route/neighbours.h"
#include "control/route/next_hops.h"

namespace gotthard::route {
namespace {

constexpr std::size_t kMaxLocalAddresses = 64;  // as abi::LocalAddressSet says

// Each link has the same ones: meaningless without the link, and never forwarded.
bool is_unroutable(const Prefix& prefix) {
  const unsigned link_local_length = 10;
  const unsigned multicast_length = prefix.address.family == Family::ipv4 ? 4 : 8;
  return (is_link_local(prefix.address) && prefix.length >= link_local_length) ||
         (is_multicast(prefix.address) && prefix.length >= multicast_length);
}

}  // namespace

struct FibBuilder::State {
  explicit State(Callbacks callbacks)
      : sink(std::move(callbacks.emit)),
        neighbours(&sink, &devices, std::move(callbacks.resolve)),
        hops(&sink, &devices, &neighbours),
        owners(&sink),
        table(&sink, &devices, &hops, &owners),
        endpoints(&devices, &table, &neighbours) {}

  using InterfacePrefix = std::pair<std::uint16_t, Prefix>;

  void devices_changed();
  void neighbour_changed(int link, const Address& address);
  void update_vlans();
  void update_local_addresses();
  void note(const KernelRoute& route);
  void flush(Nanoseconds at);
  void commit();

  void apply(const Link& link);
  void apply(const LinkGone& gone);
  void apply(const LocalAddress& address);
  void apply(const LocalAddressGone& gone);
  void apply(const RouteAdded& added);
  void apply(const RouteReplaced& replaced);
  void apply(const RouteGone& gone);
  void apply(const Neighbour& neighbour);
  void apply(const NeighbourGone& gone);
  void apply(const PolicyRule& rule) { rules.insert(rule); }
  void apply(const PolicyRuleGone& gone) { rules.erase(gone.rule); }
  void apply(const Synchronised& synchronised);

  CommandSink sink;
  Devices devices;
  Neighbours neighbours;
  NextHops hops;
  Owners owners;
  FibTable table;
  Endpoints endpoints;
  std::set<std::pair<std::uint16_t, Prefix>> plain;
  std::map<InterfacePrefix, std::uint32_t> owner_of;
  std::map<std::uint32_t, std::set<InterfacePrefix>> allowed_of;
  std::vector<abi::VlanSet> vlans;  // as sent, in the order of their links
  std::vector<OwnedAddress> local;  // as sent
  std::set<PolicyRule> rules;
  std::set<KernelRoute> unfollowed;
  std::uint64_t local_left_out = 0;
  bool addresses_changed = false;
  bool ways_changed = false;  // some can be used no more, or again
  Nanoseconds now = 0;
};

// ---------------------------------------------------------------- inputs

void FibBuilder::State::devices_changed() {
  table.devices_changed();
  neighbours.rematch();
  table.forget_neighbours();
  neighbours.for_each_usable(
      [this](int link, const Address& address) { neighbour_changed(link, address); });
  addresses_changed = true;
}

void FibBuilder::State::neighbour_changed(int link, const Address& address) {
  const Device device = devices.by_link(link);
  if (device.kind == DeviceKind::port && !is_unroutable(host_prefix(address))) {
    table.set_neighbour(device.number, address, neighbours.usable(link, address));
  }
}

void FibBuilder::State::apply(const Link& link) {
  const Devices::Changed changed = devices.set(link);
  if (changed.another) {
    devices_changed();
  }
  ways_changed |= changed.usable;
}
void FibBuilder::State::apply(const LinkGone& gone) {
  if (devices.remove(gone)) {
    devices_changed();
  }
}
void FibBuilder::State::apply(const LocalAddress& address) {
  devices.set(address);
  addresses_changed = true;
}
void FibBuilder::State::apply(const LocalAddressGone& gone) {
  devices.remove(gone);
  addresses_changed = true;
}
void FibBuilder::State::apply(const RouteAdded& added) {
  if (!is_unroutable(added.route.destination)) {
    table.add_route(added.route);
    note(added.route);
  }
}
void FibBuilder::State::apply(const RouteReplaced& replaced) {
  if (!is_unroutable(replaced.after.destination)) {
    table.replace_route(replaced.before, replaced.after);
    unfollowed.erase(replaced.before);
    note(replaced.after);
  }
}
void FibBuilder::State::note(const KernelRoute& route) {
  if (route.type == RouteType::not_followed) {
    unfollowed.insert(route);
  }
}
void FibBuilder::State::apply(const RouteGone& gone) {
  if (!is_unroutable(gone.route.destination)) {
    table.remove_route(gone.route);
    unfollowed.erase(gone.route);
  }
}
void FibBuilder::State::apply(const Neighbour& neighbour) {
  if (neighbours.apply(neighbour)) {
    neighbour_changed(neighbour.link, neighbour.address);
  }
}
void FibBuilder::State::apply(const NeighbourGone& gone) {
  if (neighbours.apply(gone)) {
    neighbour_changed(gone.link, gone.address);
  }
}
void FibBuilder::State::apply(const Synchronised&) {
  devices.set_synchronised();
  addresses_changed = true;
}

// ---------------------------------------------------------------- output

// Before what goes by them, and what they are no more before others get their room.
void FibBuilder::State::update_vlans() {
  const std::vector<abi::VlanSet> wanted = devices.vlans();
  for (const abi::VlanSet& before : vlans) {
    if (std::ranges::find(wanted, before.link, &abi::VlanSet::link) == wanted.end()) {
      sink.send(abi::VlanRemove{before.link});
    }
  }
  for (const abi::VlanSet& now_there : wanted) {
    const auto before = std::ranges::find(vlans, now_there.link, &abi::VlanSet::link);
    if (before == vlans.end() || before->mtu != now_there.mtu || before->up != now_there.up) {
      sink.send(now_there);
    }
  }
  vlans = wanted;
}

void FibBuilder::State::update_local_addresses() {
  addresses_changed = false;
  std::vector<OwnedAddress> wanted = devices.local_addresses();
  local_left_out = wanted.size() - std::min(wanted.size(), kMaxLocalAddresses);
  wanted.resize(wanted.size() - local_left_out);
  std::vector<OwnedAddress> added;
  std::vector<OwnedAddress> removed;
  std::ranges::set_difference(wanted, local, std::back_inserter(added));
  std::ranges::set_difference(local, wanted, std::back_inserter(removed));
  for (const OwnedAddress& address : removed) {
    sink.send(abi::LocalAddressRemove{address.owner, address.address});
    table.set_local(address.address, std::nullopt);
  }
  for (const OwnedAddress& address : added) {
    sink.send(abi::LocalAddressSet{address.owner, address.address});
  }
  if (!added.empty() || !removed.empty()) {
    sink.need_commit();
  }
  // One address at two devices is the first one's; backwards, so that the first one stays.
  for (std::size_t i = wanted.size(); i-- > 0;) {
    table.set_local(wanted[i].address, wanted[i].owner);
  }
  local = std::move(wanted);
}

void FibBuilder::State::flush(Nanoseconds at) {
  now = at;
  if (!sink.attached()) {
    return;
  }
  update_vlans();
  const bool addresses = addresses_changed;
  if (addresses) {
    update_local_addresses();
  }
  neighbours.flush();
  const bool ways = std::exchange(ways_changed, false);
  if (ways) {
    hops.devices_changed();
  }
  std::vector<Prefix> changed;
  const bool everything = table.flush(now, &changed);
  if (everything || addresses || ways) {
    endpoints.resolve_all(now);
  } else {
    for (const Prefix& prefix : changed) {
      endpoints.resolve_in(prefix, now);
    }
    endpoints.resolve_nested(now);
  }
  if (sink.uncommitted()) {
    commit();
  }
}

void FibBuilder::State::commit() {
  const std::uint64_t serial = sink.commit();
  neighbours.committed(serial);
  hops.committed(serial);
  owners.committed(serial);
}

// ---------------------------------------------------------------- the interface

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

const std::set<PolicyRule>& FibBuilder::rules_not_followed() const { return state_->rules; }
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
