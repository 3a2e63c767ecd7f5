// What no section can see alone.
#include <algorithm>
#include <bit>
#include <charconv>
#include <map>
#include <set>

#include "control/config/sections.h"

namespace gotthard::config {
namespace {

// Line of the n-th [[key]], for messages.
std::size_t line_of(const toml::table& root, std::string_view key, std::size_t index) {
  const toml::array* array = root.get_as<toml::array>(key);
  const toml::node* node = array == nullptr ? nullptr : array->get(index);
  return node == nullptr ? 0 : node->source().begin.line;
}

std::size_t peer_line(const toml::table& root, std::size_t interface, std::size_t peer) {
  const toml::array* array = root.get_as<toml::array>("wireguard");
  const toml::node* node = array == nullptr ? nullptr : array->get(interface);
  const toml::table* table = node == nullptr ? nullptr : node->as_table();
  return table == nullptr ? 0 : line_of(*table, "peer", peer);
}

// What DPDK knows a device by: a PCI address in full, or the name before the arguments.
std::string device_name(const std::string& device) {
  std::string name = device.substr(0, device.find(','));
  if (name.starts_with("net_") || name.starts_with("eth_")) {
    return name;
  }
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
  });
  return std::count(name.begin(), name.end(), ':') == 2 ? name : "0000:" + name;
}

void check_names(const Config& config, const toml::table& root, ReadContext* context) {
  std::set<std::string> names;
  std::set<std::string> devices;
  std::set<std::string> kernel_devices;
  for (std::size_t i = 0; i < config.ports.size(); ++i) {
    const Port& port = config.ports[i];
    const std::size_t line = line_of(root, "port", i);
    if (!names.insert(port.name).second) {
      context->report(line, fmt::format("two interfaces are named '{}'", port.name));
    }
    const std::string name = device_name(port.device);
    if (!devices.insert(name).second) {
      context->report(line, fmt::format("device '{}' belongs to another port already: each port "
                                        "has its own (net_af_packet0, net_af_packet1 ...)",
                                        name));
    }
    const std::string kernel = port.kernel_device();
    if (!kernel.empty() && !kernel_devices.insert(kernel).second) {
      context->report(line,
                      fmt::format("kernel interface '{}' belongs to another port already", kernel));
    }
  }
  for (std::size_t i = 0; i < config.wireguard.size(); ++i) {
    if (!names.insert(config.wireguard[i].name).second) {
      context->report(line_of(root, "wireguard", i),
                      fmt::format("two interfaces are named '{}'", config.wireguard[i].name));
    }
  }
  for (std::size_t i = 0; i < config.ipsec.size(); ++i) {
    if (!names.insert(config.ipsec[i].name).second) {
      context->report(line_of(root, "ipsec", i),
                      fmt::format("two interfaces are named '{}'", config.ipsec[i].name));
    }
  }
  for (std::size_t i = 0; i < config.ports.size(); ++i) {
    if (const std::string kernel = config.ports[i].kernel_device(); names.contains(kernel)) {
      context->report(line_of(root, "port", i),
                      fmt::format("'{}' is the kernel interface beneath port '{}' and the name of "
                                  "an interface of this file: write another name there",
                                  kernel, config.ports[i].name));
    }
  }
}

void check_addresses(const Config& config, const toml::table& root, ReadContext* context) {
  std::set<Address> seen;
  const auto check = [&](const std::vector<InterfaceAddress>& addresses, std::size_t line) {
    for (const InterfaceAddress& address : addresses) {
      if (!seen.insert(address.address).second) {
        context->report(line, fmt::format("address {} is given twice", to_string(address.address)));
      }
    }
  };
  for (std::size_t i = 0; i < config.ports.size(); ++i) {
    check(config.ports[i].addresses, line_of(root, "port", i));
  }
  for (std::size_t i = 0; i < config.wireguard.size(); ++i) {
    check(config.wireguard[i].addresses, line_of(root, "wireguard", i));
  }
  for (std::size_t i = 0; i < config.ipsec.size(); ++i) {
    check(config.ipsec[i].addresses, line_of(root, "ipsec", i));
  }
}

void check_peers(const WireGuard& wireguard, std::size_t index, const toml::table& root,
                 ReadContext* context) {
  std::set<std::string> names;
  std::map<std::array<std::uint8_t, 32>, std::string> keys;
  std::map<Prefix, std::string> prefixes;
  for (std::size_t i = 0; i < wireguard.peers.size(); ++i) {
    const Peer& peer = wireguard.peers[i];
    const std::size_t line = peer_line(root, index, i);
    if (!names.insert(peer.name).second) {
      context->report(line, fmt::format("{} has two peers named '{}'", wireguard.name, peer.name));
    }
    if (const auto [found, added] = keys.emplace(peer.public_key, peer.name); !added) {
      context->report(line, fmt::format("peers '{}' and '{}' of {} have the same public key",
                                        found->second, peer.name, wireguard.name));
    }
    for (const Prefix& prefix : peer.allowed_ips) {
      if (const auto [found, added] = prefixes.emplace(prefix, peer.name); !added) {
        context->report(line,
                        fmt::format("{} is in allowed_ips of '{}' and of '{}' of {}: leave it "
                                    "at one of them",
                                    to_string(prefix), found->second, peer.name, wireguard.name));
      }
    }
  }
}

// Linux refuses a route via an address that it cannot reach directly.
void check_via(const Address& via, const std::vector<InterfaceAddress>& own, std::size_t line,
               ReadContext* context) {
  bool reached = false;
  for (const InterfaceAddress& address : own) {
    if (address.address == via) {
      context->report(line, fmt::format("[[route]] leads via {}, which is this gateway's own "
                                        "address: write the next router's",
                                        to_string(via)));
    }
    reached |= address.address.family == via.family &&
               masked(address.address, address.length) == masked(via, address.length);
  }
  if (!reached) {
    context->report(line, fmt::format("[[route]] leads via {}, which is in no network of any "
                                      "'addresses' here: write a router that a port reaches",
                                      to_string(via)));
  }
}

// Where interfaces put their peers' prefixes into the kernel's table, each prefix has one place.
void check_tunnel_routes(const Config& config, const toml::table& root, ReadContext* context) {
  std::map<Prefix, std::string> routed;
  for (std::size_t i = 0; i < config.wireguard.size(); ++i) {
    const WireGuard& wireguard = config.wireguard[i];
    for (std::size_t p = 0; p < wireguard.peers.size(); ++p) {
      for (const Prefix& prefix : wireguard.peers[p].allowed_ips) {
        if (wireguard.routes == RoutePolicy::none ||
            (prefix.length == 0 && wireguard.routes != RoutePolicy::all)) {
          continue;
        }
        const auto [found, added] = routed.emplace(prefix, wireguard.name);
        if (!added && found->second != wireguard.name) {
          context->report(peer_line(root, i, p),
                          fmt::format("{} would be routed into {} and into {}: write routes = "
                                      "\"none\" at one of them and say where with [[route]]",
                                      to_string(prefix), found->second, wireguard.name));
        }
      }
    }
  }
  for (std::size_t i = 0; i < config.ipsec.size(); ++i) {
    const Ipsec& ipsec = config.ipsec[i];
    for (const Prefix& prefix : remote_prefixes(ipsec)) {
      if (ipsec.routes == RoutePolicy::none ||
          (prefix.length == 0 && ipsec.routes != RoutePolicy::all)) {
        continue;
      }
      const auto [found, added] = routed.emplace(prefix, ipsec.name);
      if (!added && found->second != ipsec.name) {
        context->report(line_of(root, "ipsec", i),
                        fmt::format("{} would be routed into {} and into {}: write routes = "
                                    "\"none\" at one of them and say where with [[route]]",
                                    to_string(prefix), found->second, ipsec.name));
      }
    }
  }
}

// PORT.NUMBER: a VLAN that the kernel may have of the port's twin.
bool is_vlan_of(const Port& port, const std::string& name) {
  if (!name.starts_with(port.name + ".")) {
    return false;
  }
  const std::string number = name.substr(port.name.size() + 1);
  std::uint16_t vlan = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), vlan);
  return error == std::errc() && end == number.data() + number.size() && vlan > 0 &&
         vlan <= abi::kHighestVlan && number == std::to_string(vlan);
}

// Each of these has a place in a table that is made for so many.
void check_table_size(const Config& config, const toml::table& root, ReadContext* context) {
  std::map<abi::Family, std::set<Prefix>> prefixes;
  for (std::size_t i = 0; i < config.wireguard.size(); ++i) {
    for (std::size_t p = 0; p < config.wireguard[i].peers.size(); ++p) {
      for (const Prefix& prefix : config.wireguard[i].peers[p].allowed_ips) {
        prefixes[prefix.address.family].insert(prefix);
      }
      for (const auto& [family, seen] : prefixes) {
        if (seen.size() > config.dataplane.routes) {
          context->report(
              peer_line(root, i, p),
              fmt::format("with this peer there are {} {} prefixes in allowed_ips, and the tables "
                          "are made for {}: write routes = {} or more in [dataplane]",
                          seen.size(), family == abi::Family::ipv4 ? "IPv4" : "IPv6",
                          config.dataplane.routes, std::bit_ceil(2 * seen.size())));
          return;
        }
      }
    }
  }
}

void check_routes(const Config& config, const toml::table& root, ReadContext* context) {
  std::set<std::string> interfaces;
  for (const Port& port : config.ports) {
    interfaces.insert(port.name);
  }
  for (const TunnelDevice& tunnel : tunnel_devices(config)) {
    interfaces.insert(tunnel.name);
  }
  std::vector<InterfaceAddress> own;
  for (const Port& port : config.ports) {
    own.insert(own.end(), port.addresses.begin(), port.addresses.end());
  }
  for (const TunnelDevice& tunnel : tunnel_devices(config)) {
    own.insert(own.end(), tunnel.addresses.begin(), tunnel.addresses.end());
  }
  std::set<Prefix> seen;
  for (std::size_t i = 0; i < config.routes.size(); ++i) {
    const Route& route = config.routes[i];
    const std::size_t line = line_of(root, "route", i);
    const bool known = interfaces.contains(route.interface) ||
                       std::ranges::any_of(config.ports, [&](const Port& port) {
                         return is_vlan_of(port, route.interface);
                       });
    if (!route.interface.empty() && !known) {
      context->report(line,
                      fmt::format("[[route]] leads to interface '{}', which is no [[port]] and "
                                  "no [[wireguard]] or [[ipsec]] here, nor PORT.NUMBER for a VLAN",
                                  route.interface));
    }
    if (route.via) {
      check_via(*route.via, own, line, context);
    }
    if (!seen.insert(route.destination).second) {
      context->report(line,
                      fmt::format("there are two routes to {}", to_string(route.destination)));
    }
  }
}

}  // namespace

void check_whole(const Config& config, const toml::table& root, ReadContext* context) {
  if (config.ports.empty()) {
    context->report(0, "no [[port]]: a gateway needs at least one, with name, role and device");
  }
  if (config.ports.size() > abi::kMaxPorts) {
    context->report(line_of(root, "port", abi::kMaxPorts),
                    fmt::format("at most {} ports are possible", abi::kMaxPorts));
  }
  if (config.wireguard.size() + config.ipsec.size() > abi::kMaxInterfaces) {
    context->report(line_of(root, "wireguard", abi::kMaxInterfaces),
                    fmt::format("at most {} tunnel interfaces are possible", abi::kMaxInterfaces));
  }
  check_names(config, root, context);
  check_addresses(config, root, context);
  check_routes(config, root, context);
  check_tunnel_routes(config, root, context);
  check_table_size(config, root, context);
  std::size_t peers = 0;
  for (std::size_t i = 0; i < config.wireguard.size(); ++i) {
    const WireGuard& wireguard = config.wireguard[i];
    for (std::size_t other = 0; other < i; ++other) {
      const WireGuard& earlier = config.wireguard[other];
      if (listen_together(wireguard.listen_port, wireguard, earlier)) {
        context->report(
            line_of(root, "wireguard", i),
            fmt::format("{} and {} both listen on port {}", earlier.name, wireguard.name,
                        std::max(earlier.listen_port, wireguard.listen_port)));
      }
    }
    check_peers(wireguard, i, root, context);
    peers += wireguard.peers.size();
  }
  for (const Ipsec& ipsec : config.ipsec) {
    for (const Connection& connection : ipsec.connections) {
      peers += connection.children.size();
    }
  }
  if (peers > abi::kMaxPeers) {
    context->report(0, fmt::format("{} peers and children are in the file: at most {} are possible",
                                   peers, abi::kMaxPeers));
  }
}

}  // namespace gotthard::config
