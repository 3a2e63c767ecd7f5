#include "dataplane/manager/topology_store.h"

#include <algorithm>
#include <memory>

namespace gotthard::dataplane {

TopologyStore::TopologyStore(Shared* shared, RetireList* retired, std::vector<TopologyPort> ports)
    : shared_(shared), retired_(retired), ports_(std::move(ports)) {
  publish();
}

TopologyStore::~TopologyStore() {
  shared_->topology.store(nullptr);
  delete current_;
}

void TopologyStore::set_interface(const abi::InterfaceSet& command) {
  unmentioned_interfaces_.erase(command.interface);
  interfaces_[command.interface] =
      TopologyInterface{.used = true,
                        .up = command.up != 0,
                        .listen_port = command.listen_port,
                        .mtu = command.mtu,
                        .copy_dscp = (command.options & abi::kCopyDscp) != 0,
                        .clamp_mss = (command.options & abi::kClampMss) != 0,
                        .fragment_after = (command.options & abi::kFragmentAfter) != 0,
                        .speaks_ike = (command.options & abi::kSpeaksIke) != 0,
                        .source_ports = command.source_ports,
                        .mac1_key = command.mac1_key,
                        .kind = command.kind};
  publish();
}

void TopologyStore::remove_interface(std::uint16_t interface) {
  interfaces_.erase(interface);
  publish();
}

bool TopologyStore::set_vlan(const abi::VlanSet& command) {
  if (abi::port_of(command.link) >= ports_.size()) {
    return false;
  }
  auto place = std::find(vlan_places_.begin(), vlan_places_.end(), command.link);
  if (place == vlan_places_.end()) {
    auto oldest = vlan_places_.end();
    for (auto at = vlan_places_.begin(); at != vlan_places_.end(); ++at) {
      const auto removed = [&](auto of) { return vlan_removals_[of - vlan_places_.begin()]; };
      if (!vlans_.contains(*at) &&
          (oldest == vlan_places_.end() || removed(at) < removed(oldest))) {
        oldest = at;
      }
    }
    if (oldest == vlan_places_.end()) {
      return false;
    }
    *oldest = command.link;
  }
  unmentioned_vlans_.erase(command.link);
  vlans_[command.link] = command;
  publish();
  return true;
}

void TopologyStore::remove_vlan(std::uint16_t link) {
  unmentioned_vlans_.erase(link);
  if (vlans_.erase(link) > 0) {
    const auto place = std::find(vlan_places_.begin(), vlan_places_.end(), link);
    vlan_removals_[static_cast<std::size_t>(place - vlan_places_.begin())] = ++removals_;
    publish();
  }
}

bool TopologyStore::add_address(std::uint16_t owner, const abi::Address& address) {
  unmentioned_addresses_.erase({owner, address});
  if (addresses_.contains({owner, address})) {
    return true;
  }
  const auto of_family =
      std::count_if(addresses_.begin(), addresses_.end(),
                    [&](const auto& entry) { return entry.second.family == address.family; });
  if (static_cast<std::size_t>(of_family) == kMaxLocalAddresses) {
    return false;
  }
  addresses_.emplace(owner, address);
  publish();
  return true;
}

void TopologyStore::remove_address(std::uint16_t owner, const abi::Address& address) {
  if (addresses_.erase({owner, address}) > 0) {
    publish();
  }
}

void TopologyStore::begin_resync() {
  unmentioned_interfaces_.clear();
  for (const auto& [interface, state] : interfaces_) {
    unmentioned_interfaces_.insert(interface);
  }
  unmentioned_addresses_ = addresses_;
  unmentioned_vlans_.clear();
  for (const auto& [link, vlan] : vlans_) {
    unmentioned_vlans_.insert(link);
  }
}

void TopologyStore::end_resync() {
  for (const std::uint16_t interface : unmentioned_interfaces_) {
    interfaces_.erase(interface);
  }
  for (const auto& address : unmentioned_addresses_) {
    addresses_.erase(address);
  }
  for (const std::uint16_t link : std::exchange(unmentioned_vlans_, {})) {
    remove_vlan(link);
  }
  unmentioned_interfaces_.clear();
  unmentioned_addresses_.clear();
  whole_ = true;
  publish();
}

bool TopologyStore::is_local(const abi::Address& address) const {
  return std::any_of(addresses_.begin(), addresses_.end(),
                     [&](const auto& entry) { return entry.second == address; });
}

// What is not there any more counts as outside.
bool TopologyStore::is_underlay(std::uint16_t link) const {
  return abi::port_of(link) >= ports_.size() || ports_[abi::port_of(link)].underlay;
}

void TopologyStore::place_vlans(Topology* to) const {
  for (const auto& [link, vlan] : vlans_) {
    const auto at = std::find(vlan_places_.begin(), vlan_places_.end(), link);
    const auto place = static_cast<std::uint16_t>(abi::kMaxPorts + (at - vlan_places_.begin()));
    TopologyPort& port = to->ports[place];
    port = to->ports[abi::port_of(link)];
    port.link = link;
    port.mtu = std::min(vlan.mtu, port.mtu);
    port.used = vlan.up != 0;
    port.answers = answers_of(link);
    to->vlans[to->vlan_count++] = {link, place};
  }
}

// Its own; else, what is behind the tunnels may know an address of the inside, but of the underlay
// none.
AnswerAddresses TopologyStore::answers_of(std::uint16_t owner) const {
  AnswerAddresses result;
  const auto inner = [&](std::uint16_t other) {
    return other >= abi::kTunnelOwner || !is_underlay(other);
  };
  for (const bool own : {true, false}) {
    for (const auto& [other, address] : addresses_) {
      abi::Address* place = address.family == abi::Family::ipv4 ? &result.ipv4 : &result.ipv6;
      const bool link_local = address.family == abi::Family::ipv6 && address.bytes[0] == 0xfe;
      if (place->family == abi::Family::none && !link_local &&
          (own ? other == owner : inner(owner) && inner(other))) {
        *place = address;
      }
    }
  }
  return result;
}

void TopologyStore::publish() {
  auto next = std::make_unique<Topology>();
  std::copy(ports_.begin(), ports_.end(), next->ports.begin());
  next->port_count = static_cast<std::uint32_t>(ports_.size());
  for (const auto& [number, interface] : interfaces_) {
    next->interfaces[number] = interface;
    next->interface_count = number + 1U;
    next->ipsec = next->ipsec || interface.kind == abi::TunnelKind::ipsec;
    if (interface.speaks_ike && next->ike_interface == abi::kMaxInterfaces) {
      next->ike_interface = number;
    }
    next->interfaces[number].answers = answers_of(abi::kTunnelOwner + number);
  }
  for (std::uint16_t port = 0; port < ports_.size(); ++port) {
    next->ports[port].used = true;
    next->ports[port].link = port;
    next->ports[port].answers = answers_of(port);
  }
  place_vlans(next.get());
  std::set<abi::Address> seen;
  for (const auto& [owner, address] : addresses_) {
    if (seen.insert(address).second) {
      next->add_local(address);
    }
  }
  const Topology* old = std::exchange(current_, next.release());
  shared_->topology.store(current_, std::memory_order_release);
  if (old != nullptr) {
    retired_->defer([old] { delete old; });
  }
}

}  // namespace gotthard::dataplane
