// What the kernel has goes in; what the data plane has to know comes out.
#include "control/route/fib_state.h"

#include <algorithm>
#include <iterator>

#include "control/route/address.h"

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
  if (is_unroutable(added.route.destination)) {
    return;
  }
  if (added.route.table == kMainTable) {
    table.add_route(added.route);
  } else {
    underlay.tables().add(added.route);
  }
  note(added.route);
}
void FibBuilder::State::apply(const RouteReplaced& replaced) {
  if (is_unroutable(replaced.after.destination)) {
    return;
  }
  if (replaced.after.table == kMainTable) {
    table.replace_route(replaced.before, replaced.after);
  } else {
    underlay.tables().replace(replaced.before, replaced.after);
  }
  unfollowed.erase(replaced.before);
  note(replaced.after);
}
void FibBuilder::State::note(const KernelRoute& route) {
  if (route.type == RouteType::not_followed) {
    unfollowed.insert(route);
  }
}
void FibBuilder::State::apply(const RouteGone& gone) {
  if (is_unroutable(gone.route.destination)) {
    return;
  }
  if (gone.route.table == kMainTable) {
    table.remove_route(gone.route);
  } else {
    underlay.tables().remove(gone.route);
  }
  unfollowed.erase(gone.route);
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
  std::vector<Prefix> changed = underlay.tables().take_changed();
  const bool everything = table.flush(now, &changed);
  const bool rules = underlay.flush();
  if (everything || addresses || ways || rules) {
    endpoints.resolve_all(now);
  } else {
    for (const Prefix& prefix : changed) {
      endpoints.resolve_in(prefix, now);
    }
    endpoints.resolve_waiting(now);
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

}  // namespace gotthard::route
