#include "control/route/devices.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

#include "control/route/address.h"

namespace gotthard::route {

std::uint16_t owner_number(const Device& device) {
  return device.kind == DeviceKind::tunnel
             ? static_cast<std::uint16_t>(abi::kTunnelOwner + device.number)
             : device.number;
}

void Devices::configure(const config::Config& config) {
  const std::vector<Known> before = std::exchange(ports_, {});
  for (const config::Port& port :
       std::span(config.ports).first(std::min(config.ports.size(), abi::kMaxPorts))) {
    const bool carrier = ports_.size() >= before.size() || before[ports_.size()].carrier;
    ports_.push_back({port.name, port.mtu, port.addresses, 0, carrier, false,
                      port.role == config::Role::underlay});
  }
  tunnels_.clear();
  for (const config::TunnelDevice& tunnel : config::tunnel_devices(config)) {
    if (tunnels_.size() < abi::kMaxInterfaces) {
      tunnels_.push_back({tunnel.name, tunnel.mtu, tunnel.addresses, 0, true, tunnel.ipsec});
    }
  }
  match_links();
}

void Devices::match_links() {
  by_link_.clear();
  vlans_.clear();
  vlans_left_out_ = 0;
  for (auto* devices : {&ports_, &tunnels_}) {
    for (Known& device : *devices) {
      device.link = 0;
    }
  }
  for (const auto& [index, link] : links_) {
    const Device device = by_name(link.name);
    if (device.kind != DeviceKind::none) {
      by_link_[index] = device;
      (device.kind == DeviceKind::port ? ports_ : tunnels_)[device.number].link = index;
    }
  }
  for (const auto& [index, link] : links_) {
    match_vlan(link);
  }
}

void Devices::match_vlan(const Link& link) {
  const Device parent = by_link(link.parent);
  if (link.vlan == 0 || by_link(link.index).kind != DeviceKind::none ||
      parent.kind != DeviceKind::port || abi::vlan_of(parent.number) != 0) {
    return;
  }
  if (vlans_.size() == abi::kMaxVlans) {
    ++vlans_left_out_;
    return;
  }
  const std::uint16_t number = abi::link_of(parent.number, link.vlan);
  vlans_[number] = {link.name, ports_[parent.number].mtu, {}, link.index, true};
  by_link_[link.index] = {DeviceKind::port, number};
}

std::vector<abi::VlanSet> Devices::vlans() const {
  std::vector<abi::VlanSet> result;
  for (const auto& [number, vlan] : vlans_) {
    result.push_back({.link = number,
                      .mtu = std::max(mtu({DeviceKind::port, number}), abi::kLeastMtu),
                      .up = static_cast<std::uint8_t>(links_.at(vlan.link).up ? 1 : 0)});
  }
  return result;
}

std::string Devices::name_of_port(std::uint16_t number) const {
  const Known* port = known({DeviceKind::port, number});
  return port != nullptr ? port->name : fmt::format("port {}", number);
}

bool Devices::is_ipsec(std::uint16_t interface) const {
  return interface < tunnels_.size() && tunnels_[interface].ipsec;
}

Device Devices::by_name(const std::string& name) const {
  const auto number = [&](const std::vector<Known>& devices) {
    return static_cast<std::size_t>(std::ranges::find(devices, name, &Known::name) -
                                    devices.begin());
  };
  if (const std::size_t port = number(ports_); port < ports_.size()) {
    return {DeviceKind::port, static_cast<std::uint16_t>(port)};
  }
  if (const std::size_t tunnel = number(tunnels_); tunnel < tunnels_.size()) {
    return {DeviceKind::tunnel, static_cast<std::uint16_t>(tunnel)};
  }
  // A VLAN by the name that the kernel has for it, or as port and number.
  const auto vlan = std::ranges::find_if(vlans_, [&](const auto& entry) {
    return entry.second.name == name ||
           name == fmt::format("{}.{}", ports_[abi::port_of(entry.first)].name,
                               abi::vlan_of(entry.first));
  });
  return vlan == vlans_.end() ? Device{} : Device{DeviceKind::port, vlan->first};
}

Device Devices::by_link(int link) const {
  const auto at = by_link_.find(link);
  return at == by_link_.end() ? Device{} : at->second;
}

Devices::Changed Devices::set(const Link& link) {
  Link& known = links_[link.index];
  const bool renamed =
      known.name != link.name || known.parent != link.parent || known.vlan != link.vlan;
  const bool resized = known.mtu != link.mtu;
  const bool was_usable = known.up && known.carrier;
  const Device before = by_link(link.index);
  known = link;
  if (renamed) {
    match_links();
  }
  const Device after = by_link(link.index);
  return {.another = before != after || (resized && after.kind != DeviceKind::none),
          .usable = was_usable != (link.up && link.carrier)};
}

bool Devices::remove(const LinkGone& gone) {
  const Device device = by_link(gone.index);
  links_.erase(gone.index);
  addresses_.erase(gone.index);
  match_links();
  return device.kind != DeviceKind::none;
}

void Devices::set(const LocalAddress& address) {
  auto& list = addresses_[address.link];
  const auto at = std::ranges::find_if(list, [&](const LocalAddress& other) {
    return other.address == address.address && other.prefix_length == address.prefix_length;
  });
  if (at == list.end()) {
    list.push_back(address);
  } else {
    *at = address;
  }
}

void Devices::remove(const LocalAddressGone& gone) {
  const auto list = addresses_.find(gone.link);
  if (list == addresses_.end()) {
    return;
  }
  std::erase_if(list->second, [&](const LocalAddress& other) {
    return other.address == gone.address && other.prefix_length == gone.prefix_length;
  });
}

const Devices::Known* Devices::known(const Device& device) const {
  if (device.kind == DeviceKind::none) {
    return nullptr;
  }
  if (device.kind == DeviceKind::port && abi::vlan_of(device.number) != 0) {
    const auto vlan = vlans_.find(device.number);
    return vlan == vlans_.end() ? nullptr : &vlan->second;
  }
  const auto& devices = device.kind == DeviceKind::port ? ports_ : tunnels_;
  return device.number < devices.size() ? &devices[device.number] : nullptr;
}

int Devices::link_of_port(std::uint16_t port) const {
  const Known* device = known({DeviceKind::port, port});
  return device == nullptr ? 0 : device->link;
}

bool Devices::tunnel_up(std::uint16_t interface) const {
  const Known* device = known({DeviceKind::tunnel, interface});
  const auto link = device == nullptr ? links_.end() : links_.find(device->link);
  return link != links_.end() && link->second.up;
}

void Devices::set_port_link(std::uint16_t port, bool up) {
  if (port < ports_.size()) {
    ports_[port].carrier = up;
  }
}

bool Devices::usable(const Device& device) const {
  const Known* entry = known(device);
  const auto link = entry == nullptr ? links_.end() : links_.find(entry->link);
  const bool carrier = entry != nullptr && (device.kind != DeviceKind::port ||
                                            ports_[abi::port_of(device.number)].carrier);
  return carrier && (link == links_.end() || (link->second.up && link->second.carrier));
}

std::uint16_t Devices::mtu(const Device& device) const {
  const Known* entry = known(device);
  if (entry == nullptr) {
    return 0;
  }
  const auto link = links_.find(entry->link);
  if (link == links_.end() || link->second.mtu == 0) {
    return entry->mtu;
  }
  return static_cast<std::uint16_t>(
      std::min<std::uint32_t>(link->second.mtu, std::numeric_limits<std::uint16_t>::max()));
}

std::vector<Devices::Candidate> Devices::addresses_of(const Known& device) const {
  std::vector<Candidate> result;
  if (const auto list = addresses_.find(device.link); list != addresses_.end()) {
    for (const LocalAddress& address : list->second) {
      result.push_back({address.address, address.prefix_length, address.source});
    }
  }
  if (!synchronised_) {
    for (const config::InterfaceAddress& address : device.addresses) {
      if (std::ranges::find(result, address.address, &Candidate::address) == result.end()) {
        result.push_back({address.address, address.length, true});
      }
    }
  }
  return result;
}

std::vector<OwnedAddress> Devices::local_addresses() const {
  std::vector<OwnedAddress> result;
  const auto add = [&](const std::vector<Known>& devices, DeviceKind kind) {
    for (std::size_t i = 0; i < devices.size(); ++i) {
      const std::uint16_t owner = owner_number({kind, static_cast<std::uint16_t>(i)});
      for (const Candidate& candidate : addresses_of(devices[i])) {
        result.push_back({owner, candidate.address});
      }
    }
  };
  add(ports_, DeviceKind::port);
  for (const auto& [number, vlan] : vlans_) {
    for (const Candidate& candidate : addresses_of(vlan)) {
      result.push_back({number, candidate.address});
    }
  }
  add(tunnels_, DeviceKind::tunnel);
  std::ranges::sort(result);
  // Not std::ranges: clang 14, which builds the fuzzers, cannot read that of libstdc++ 12.
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

bool Devices::is_local(const Address& address) const {
  return std::ranges::any_of(local_addresses(),
                             [&](const OwnedAddress& own) { return own.address == address; });
}

bool Devices::is_other_underlays(const Device& device, const Address& address) const {
  bool of_underlay = false;
  for (const OwnedAddress& own : local_addresses()) {
    if (own.address == address && own.owner == owner_number(device)) {
      return false;
    }
    of_underlay |= own.address == address && own.owner < abi::kTunnelOwner &&
                   ports_[abi::port_of(own.owner)].underlay;
  }
  return of_underlay;
}

std::optional<Address> Devices::select_source(const Device& device, const Address& next_hop,
                                              const Address& remote,
                                              const Address& preferred) const {
  if (preferred.family == remote.family && is_local(preferred)) {
    return preferred;
  }
  const Known* entry = known(device);
  if (entry == nullptr) {
    return std::nullopt;
  }
  std::optional<Address> best;
  int best_score = -1;
  for (const Candidate& candidate : addresses_of(*entry)) {
    if (candidate.address.family != remote.family ||
        is_link_local(candidate.address) != is_link_local(remote)) {
      continue;
    }
    const bool same_network = covers(Prefix{candidate.address, candidate.prefix_length}, next_hop);
    const int score = (candidate.source ? 2 : 0) + (same_network ? 1 : 0);
    if (score > best_score) {
      best_score = score;
      best = candidate.address;
    }
  }
  return best;
}

bool Devices::is_no_station(std::uint16_t port, const Address& address) const {
  const Known* device = known({DeviceKind::port, port});
  if (device == nullptr || is_multicast(address)) {
    return true;
  }
  return std::ranges::any_of(addresses_of(*device), [&](const Candidate& own) {
    return own.address == address ||
           is_network_or_broadcast(Prefix{own.address, own.prefix_length}, address);
  });
}

}  // namespace gotthard::route
