// Devices on the host: those beneath ports muted, twins, tunnels and their routes.
#include <net/if.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

#include "base/log.h"
#include "tools/supervisor/host.h"
#include "tools/supervisor/mute.h"
#include "tools/supervisor/tunnel_routes.h"
#include "tools/supervisor/tuntap.h"

namespace gotthard::supervisor {
namespace {

constexpr auto kSubsystem = log::Subsystem::supervisor;

std::string machine_id() {
  std::string id;
  std::ifstream("/etc/machine-id") >> id;
  return id;
}

}  // namespace

MacAddress stable_mac(const std::string& machine, const std::string& name) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : machine + "/" + name) {
    hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3;
  }
  MacAddress mac{};
  for (std::size_t i = 0; i < mac.size(); ++i) {
    mac[i] = static_cast<std::uint8_t>(hash >> (8 * i));
  }
  mac[0] = static_cast<std::uint8_t>((mac[0] & 0xfc) | 0x02);  // local, unicast
  return mac;
}

MutedDevice* Host::taken_over(const std::string& device) {
  const auto found = std::ranges::find(noted_.muted, device, &MutedDevice::name);
  return found == noted_.muted.end() ? nullptr : &*found;
}

Status Host::mute() {
  for (const config::Port& port : config_.ports) {
    const std::string device = port.kernel_device();
    if (device.empty()) {
      continue;
    }
    auto state = observe_device(netlink_, device);
    if (!state) {
      return fail("port '{}': {}", port.name, state.error().message);
    }
    MutedDevice* earlier = taken_over(device);
    if (earlier != nullptr) {
      // Somebody may have given it some meanwhile.
      std::ranges::copy(state->addresses, std::back_inserter(earlier->addresses));
      std::ranges::copy(state->routes, std::back_inserter(earlier->routes));
      *state = *earlier;
    } else {
      noted_.muted.push_back(*state);
    }
    if (auto noted = note(); !noted) {
      return noted;
    }
    if (auto muted = mute_device(netlink_, *state, port.mtu, earlier != nullptr); !muted) {
      if (earlier == nullptr) {
        noted_.muted.pop_back();
      }
      return fail("port '{}': {}", port.name, muted.error().message);
    }
    log::event(log::Level::info, kSubsystem, "muted",
               {{"port", port.name}, {"device", device}, {"addresses", state->addresses.size()}});
  }
  return {};
}

Result<Host::Device> Host::make_device(const std::string& name, bool tap, unsigned mtu) {
  auto fd = make_tuntap(name, tap ? TunTap::tap : TunTap::tun);
  if (!fd) {
    return tl::unexpected(fd.error());
  }
  const auto link = netlink_.link(name);
  if (!link || !*link) {
    return fail("the network device '{}' vanished as soon as it was made", name);
  }
  Device device{std::move(*fd), (*link)->index, false};
  if (auto changed = netlink_.change_link(device.index, {.mtu = mtu}); !changed) {
    return fail("{}: {}", name, changed.error().message);
  }
  // Routers on the underlay must not reconfigure the host through our device.
  for (const auto& [file, value] :
       {std::pair{"disable_ipv6", 0}, std::pair{"accept_ra", 0}, std::pair{"optimistic_dad", 1},
        std::pair{"use_optimistic", 1}}) {
    if (auto set = write_ipv6_setting(name, file, value); !set) {
      return tl::unexpected(set.error());
    }
  }
  return device;
}

Status Host::make_twins() {
  const std::string machine = machine_id();
  for (const config::Port& port : config_.ports) {
    auto twin = make_device(port.name, true, port.mtu);
    if (!twin) {
      return fail("port '{}': {}", port.name, twin.error().message);
    }
    MacAddress mac = stable_mac(machine, port.name);
    if (const std::string device = port.kernel_device(); !device.empty()) {
      const auto link = netlink_.link(device);
      mac = link && *link ? (*link)->mac : mac;
    }
    if (auto set = netlink_.change_link(twin->index, {.mac = mac}); !set) {
      return fail("port '{}': {}", port.name, set.error().message);
    }
    twins_.push_back(std::move(*twin));
  }
  return {};
}

Status Host::bring_up_twins(std::span<const MacAddress> macs) {
  for (std::size_t i = 0; i < twins_.size(); ++i) {
    Device& twin = twins_[i];
    LinkChange change;
    if (i < macs.size() && macs[i] != MacAddress{}) {
      change.mac = macs[i];
    }
    if (twin.up) {  // after a restart: a vdev may have another address now
      if (auto changed = netlink_.change_link(twin.index, change); !changed) {
        return fail("port '{}': {}", config_.ports[i].name, changed.error().message);
      }
      continue;
    }
    change.set_flags = IFF_UP | IFF_ALLMULTI;
    Status done = netlink_.change_link(twin.index, change);
    for (const config::InterfaceAddress& address : config_.ports[i].addresses) {
      done = done ? netlink_.add_address(twin.index, address) : done;
    }
    if (!done) {
      return fail("port '{}': {}", config_.ports[i].name, done.error().message);
    }
    twin.up = true;
  }
  return {};
}

Status Host::make_tunnels() {
  for (const config::TunnelDevice& tunnel : config::tunnel_devices(config_)) {
    auto device = make_device(tunnel.name, false, tunnel.mtu);
    if (!device) {
      return fail("tunnel '{}': {}", tunnel.name, device.error().message);
    }
    Status done = netlink_.change_link(device->index, {.set_flags = IFF_UP});
    for (const config::InterfaceAddress& address : tunnel.addresses) {
      done = done ? netlink_.add_address(device->index, address) : done;
    }
    if (!done) {
      return fail("tunnel '{}': {}", tunnel.name, done.error().message);
    }
    device->up = true;
    tunnels_.push_back(std::move(*device));
  }
  add_routes(tunnel_routes(config_, claims_), log::Level::warning);
  return {};
}

bool Host::is_up(std::size_t interface) {
  const auto link = netlink_.link(config::tunnel_devices(config_)[interface].name);
  return link && *link && ((*link)->flags & IFF_UP) != 0;
}

void Host::refresh_tunnel(std::size_t interface) {
  if (!is_up(interface)) {
    return;  // its routes come back with it
  }
  std::vector<TunnelRoute> routes = tunnel_routes(config_, claims_);
  std::erase_if(routes, [&](const TunnelRoute& route) { return route.interface != interface; });
  add_routes(routes, log::Level::debug);
}

void Host::add_routes(std::span<const TunnelRoute> routes, log::Level level_of_conflicts) {
  for (const TunnelRoute& route : routes) {
    const auto added =
        netlink_.add_route({route.prefix, tunnels_[route.interface].index, route.metric});
    if (!added) {
      log::event(log::Level::warning, kSubsystem, "route_failed",
                 {{"error", added.error().message}});
    } else if (!*added) {
      log::event(level_of_conflicts, kSubsystem, "route_exists",
                 {{"interface", config::tunnel_devices(config_)[route.interface].name},
                  {"prefix", config::to_string(route.prefix)},
                  {"reason", "the host has a route for this prefix, which is left alone"}});
    }
  }
}

Status Host::probe_neighbour(std::uint16_t link, const abi::Address& address) {
  int index = twins_.at(abi::port_of(link)).index;
  if (const std::uint16_t vlan = abi::vlan_of(link); vlan != 0) {
    const auto found = netlink_.vlan_of(index, vlan);
    if (!found) {
      return tl::unexpected(found.error());
    }
    index = *found;
  }
  return netlink_.probe_neighbour(index, address);
}

}  // namespace gotthard::supervisor
