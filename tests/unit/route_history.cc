#include "tests/unit/route_history.h"

#include <algorithm>
#include <array>
#include <tuple>

namespace gotthard::route::test {

Address address_of(bool ipv6, unsigned index) {
  Address address;
  if (ipv6) {
    address.family = Family::ipv6;
    address.bytes = {0x20, 0x01, 0x0d, 0xb8};
    address.bytes[15] = static_cast<std::uint8_t>(index % kAddresses);
  } else {
    address.family = Family::ipv4;
    address.bytes = {10, 1, 0, static_cast<std::uint8_t>(index % kAddresses)};
  }
  return address;
}

namespace {

Prefix prefix_of(bool ipv6, unsigned index, unsigned length) {
  const unsigned all = ipv6 ? 128 : 32;
  // /0, one around everything, and those within.
  const std::array<unsigned, 9> lengths{0,       all - 16, all - 6, all - 5, all - 4,
                                        all - 3, all - 2,  all - 1, all};
  const unsigned chosen = lengths[length % lengths.size()];
  const Address address = address_of(ipv6, index);
  return {to_address(address.family, to_bits(address) & mask(chosen)),
          static_cast<std::uint8_t>(chosen)};
}

constexpr std::array<int, 6> kLinks{1, 2, 3, 11, 12, 99};
constexpr std::array<const char*, 5> kNames{"p0", "p1", "p2", "wg0", "wg1"};

}  // namespace

History::History() {
  for (const char* name : {"p0", "p1"}) {
    config::Port port;
    port.name = name;
    config.ports.push_back(port);
  }
  for (const char* name : {"wg0", "wg1"}) {
    config::WireGuard tunnel;
    tunnel.name = name;
    config.wireguard.push_back(tunnel);
  }
  fib.configure(config, now);
  for (const auto& [name, index, mtu] : {std::tuple{"p0", 1, 1500},
                                         {"p1", 2, 9000},
                                         {"p2", 3, 1496},
                                         {"wg0", 11, 1420},
                                         {"wg1", 12, 1300}}) {
    set_link(name, index, static_cast<std::uint16_t>(mtu));
  }
  fib.apply(Link{99, "eth0", true, 1500});
  fib.apply(Synchronised{});
}

void History::set_link(const std::string& name, int index, std::uint16_t mtu) {
  Link link{index, name, true, mtu};
  if (name == "p2") {
    link.parent = router.link.at("p0");
    link.vlan = SlowRouter::kVlan;
  }
  fib.apply(link);
  router.link[name] = index;
  router.mtu[index] = mtu;
}

void History::step(std::uint64_t random) {
  random *= 0x9e3779b97f4a7c15ULL;
  random ^= random >> 29;
  std::array<std::uint8_t, 6> op{};
  for (auto& byte : op) {
    byte = static_cast<std::uint8_t>(random);
    random >>= 8;
  }
  const bool ipv6 = (op[1] & 1) != 0;
  const unsigned a = op[2];
  const unsigned b = op[3];
  const unsigned c = op[4];
  const unsigned d = op[5];
  now += kMillisecond;
  switch (op[0] % 18) {
    case 0:
    case 1:
    case 2:
      return add_route(ipv6, a, b, c, d);
    case 3:
      return remove_route(a);
    case 4:
    case 5: {
      const auto interface = static_cast<std::uint16_t>(c % 2);
      const std::uint32_t peer = d % 3 + 3U * interface;
      fib.add_allowed_ip(interface, peer, prefix_of(ipv6, a, b));
      router.allowed[{interface, prefix_of(ipv6, a, b)}] = peer;
      return;
    }
    case 6:
      return remove_allowed(a);
    case 7:
    case 8:
      return set_neighbour(ipv6, a, b, c);
    case 9:
      return toggle_address(ipv6, a, b, c);
    case 10:
      return configure(ipv6, a, b, c, d);
    case 11: {
      const std::uint32_t peer = c % 6;
      endpoints[peer] = address_of(ipv6, a);
      fib.set_endpoint(interface_of(peer), peer, address_of(ipv6, a));
      return;
    }
    case 16:
      return replace_route(ipv6, a, b, c, d);
    case 17:
      fib.set_port_link(c % 2, d % 2 == 0);
      return;
    case 12:
      if (const auto serial = data_plane->apply_oldest()) {
        fib.on_applied(*serial);
      }
      return;
    case 13:
      return change_link(a, b);
    case 14:
      if (c % 4 == 0) {
        if (may_attach) {
          attach();
        }
      } else {
        (void)fib.resolve_endpoint(static_cast<std::uint16_t>(c % 2), address_of(ipv6, a), now);
        now += kSecond * (d % 64);
        fib.on_time(now);
      }
      return;
    default:
      fib.flush(now);
      check();
      return;
  }
}

// Peers 0-2 are those of interface 0, 3-5 those of 1.
std::uint16_t History::interface_of(std::uint32_t peer) {
  return static_cast<std::uint16_t>(peer / 3);
}

KernelRoute History::random_route(bool ipv6, unsigned a, unsigned b, unsigned c, unsigned d) {
  KernelRoute route;
  route.destination = prefix_of(ipv6, a, b);
  route.metric = d % 3;
  if (a % 7 == 0 && !ipv6) {
    route.tos = b % 2 == 0 ? 0x10 : 0x20;
  } else if (a % 7 == 0) {
    route.from = prefix_of(true, c, b / 9 % 4 + 5);
  }
  switch ((d >> 2) % 8) {
    case 0:
      route.type = std::array{RouteType::blackhole, RouteType::unreachable, RouteType::prohibit,
                              RouteType::none, RouteType::not_followed}[c % 5];
      break;
    case 1:
      route = {.destination = route.destination, .metric = 0xffffffff};
      route.type = RouteType::blackhole;
      route.protocol = kRouteProtocol;
      break;
    default:
      for (unsigned way = 0; way <= (b >> 4) % 3; ++way) {
        RouteHop hop{
            kLinks[(c + way * 3) % kLinks.size()], {}, static_cast<std::uint16_t>(way + 1)};
        if (((d >> 5) & 1) != 0) {
          hop.gateway = address_of(ipv6, c + way);
        }
        if (!std::ranges::any_of(route.hops, [&](const RouteHop& other) {
              return other.link == hop.link && other.gateway == hop.gateway;
            })) {
          route.hops.push_back(hop);
        }
      }
  }
  return route;
}

void History::add_route(bool ipv6, unsigned a, unsigned b, unsigned c, unsigned d) {
  const KernelRoute route = random_route(ipv6, a, b, c, d);
  if (std::ranges::find(router.kernel, route) == router.kernel.end()) {
    fib.apply(RouteAdded{route});
    router.kernel.push_back(route);
  }
}

void History::replace_route(bool ipv6, unsigned a, unsigned b, unsigned c, unsigned d) {
  if (router.kernel.empty()) {
    return;
  }
  const auto at = router.kernel.begin() + a % router.kernel.size();
  KernelRoute route = random_route(ipv6, a, b, c, d);
  route.destination = at->destination;
  route.from = {};
  route.tos = 0;
  route.hops.resize(std::min<std::size_t>(route.hops.size(), 1));
  if (std::ranges::find(router.kernel, route) == router.kernel.end()) {
    fib.apply(RouteReplaced{*at, route});
    *at = route;
  }
}

void History::remove_route(unsigned a) {
  if (!router.kernel.empty()) {
    const auto at = router.kernel.begin() + a % router.kernel.size();
    fib.apply(RouteGone{*at});
    router.kernel.erase(at);
  }
}

void History::remove_allowed(unsigned a) {
  if (!router.allowed.empty()) {
    const auto at = std::next(router.allowed.begin(), a % router.allowed.size());
    fib.remove_allowed_ip(at->first.first, at->second, at->first.second);
    router.allowed.erase(at);
  }
}

void History::set_neighbour(bool ipv6, unsigned a, unsigned b, unsigned c) {
  Neighbour neighbour;
  const std::string port = kNames.at(b % 3);
  neighbour.link = router.link.at(port);
  neighbour.address = address_of(ipv6, a);
  neighbour.state = static_cast<Reachability>(c % 4);
  neighbour.mac = {2, 0, 0, 0, static_cast<std::uint8_t>(c), static_cast<std::uint8_t>(a)};
  const std::pair key{SlowRouter::number_of(port), neighbour.address};
  if (c % 5 == 0) {
    fib.apply(NeighbourGone{neighbour.link, neighbour.address});
    router.neighbours.erase(key);
  } else {
    fib.apply(neighbour);
    if (neighbour.state == Reachability::reachable || neighbour.state == Reachability::stale) {
      router.neighbours.insert(key);
    } else {
      router.neighbours.erase(key);
    }
  }
}

void History::toggle_address(bool ipv6, unsigned a, unsigned b, unsigned c) {
  const int link = router.link.at(kNames.at(c % kNames.size()));
  const Prefix prefix{address_of(ipv6, a), prefix_of(ipv6, a, b).length};
  if (addresses.erase({link, prefix}) > 0) {
    fib.apply(LocalAddressGone{link, prefix.address, prefix.length});
  } else {
    addresses.insert({link, prefix});
    fib.apply(LocalAddress{link, prefix.address, prefix.length, true});
  }
  update_local();
}

void History::update_local() {
  router.local.clear();
  for (const auto& [device, prefix] : addresses) {
    const auto name = std::ranges::find_if(
        router.link, [&link = device](const auto& entry) { return entry.second == link; });
    if (name == router.link.end()) {
      continue;
    }
    const std::uint16_t number = SlowRouter::number_of(name->first);
    const auto owner = static_cast<std::uint16_t>(
        name->first.starts_with("wg") ? abi::kTunnelOwner + number : number);
    const auto at = router.local.emplace(prefix.address, owner).first;
    at->second = std::min(at->second, owner);
  }
}

void History::configure(bool ipv6, unsigned a, unsigned b, unsigned c, unsigned d) {
  if (d % 4 == 0) {
    const std::pair entry{static_cast<std::uint16_t>(c % 2), prefix_of(ipv6, a, b)};
    auto& list = config.ports[entry.first].allow_plain;
    if (router.plain.insert(entry).second) {
      list.push_back(entry.second);
    } else {
      router.plain.erase(entry);
      std::erase(list, entry.second);
    }
  } else if (d % 4 == 1 && !config.routes.empty()) {
    config.routes.erase(config.routes.begin() + a % config.routes.size());
  } else {
    config::Route route;
    route.destination = prefix_of(ipv6, a, b);
    if (c % 3 == 0) {
      route.interface = kNames.at(d / 4 % kNames.size());
    } else {
      route.via = address_of(ipv6, c);
    }
    config.routes.push_back(route);
  }
  router.fixed = config.routes;
  fib.configure(config, now);
}

void History::change_link(unsigned a, unsigned b) {
  const std::string name = kNames.at(a % kNames.size());
  if (b % 4 != 0) {
    set_link(name, router.link.at(name), static_cast<std::uint16_t>(1300 + b));
    return;
  }
  // A VLAN goes with its port.
  const int old_vlan = name == "p0" ? remove_link("p2") : 0;
  const int old = remove_link(name);
  set_link(name, other_index(old), 1400);
  if (old_vlan != 0) {
    set_link("p2", other_index(old_vlan), 1400);
  }
  update_local();
}

int History::other_index(int index) { return index > 20 ? index - 20 : index + 20; }

int History::remove_link(const std::string& name) {
  const int old = router.link.at(name);
  fib.apply(LinkGone{old});
  std::erase_if(addresses, [&](const auto& entry) { return entry.first == old; });
  if (name.starts_with("p")) {
    const std::uint16_t port = SlowRouter::number_of(name);
    std::erase_if(router.neighbours, [&](const auto& entry) {
      if (entry.first == port) {
        fib.apply(NeighbourGone{old, entry.second});
      }
      return entry.first == port;
    });
  }
  return old;
}

void History::attach() {
  data_plane = std::make_unique<DataPlaneModel>();
  fib.attach(now);
  attached = true;
  check();
}

void History::take_over(History* before) {
  data_plane = std::move(before->data_plane);
  data_plane->begin_resync();
  fib.attach(now);
  data_plane->end_resync();
  attached = true;
  check();
}

}  // namespace gotthard::route::test
