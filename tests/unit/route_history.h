// A history of routes, allowed IPs, neighbours, addresses, links and attachments, told to a FIB
// builder and to the slow router alike.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "control/config/config.h"
#include "control/route/fib_builder.h"
#include "tests/unit/route_model.h"
#include "tests/unit/route_slow_router.h"

namespace gotthard::route::test {

// 64 addresses of each family: small enough to try them all.
inline constexpr unsigned kAddresses = 64;

[[nodiscard]] Address address_of(bool ipv6, unsigned index);

// Packets to it: of several classes and sources.
[[nodiscard]] std::vector<PacketHead> heads(const Address& to);

struct History {
  config::Config config;
  std::unique_ptr<DataPlaneModel> data_plane = std::make_unique<DataPlaneModel>();
  SlowRouter router;
  FibBuilder fib{{[this](const abi::CommandBody& command) { return data_plane->take(command); },
                  [this](std::uint16_t, const Address&) { ++asked; }}};
  std::map<std::uint32_t, Address> endpoints;
  std::set<std::pair<int, Prefix>> addresses;
  Nanoseconds now = kSecond;
  unsigned asked = 0;
  bool attached = false;
  bool may_attach = true;

  History();
  void set_link(const std::string& name, int index, std::uint16_t mtu);
  // A random number says what to do, a byte each. Small ones are the most: spread them.
  void step(std::uint64_t random);
  static KernelRoute random_route(bool ipv6, unsigned a, unsigned b, unsigned c, unsigned d);
  void replace_route(bool ipv6, unsigned a, unsigned b, unsigned c, unsigned d);
  void add_route(bool ipv6, unsigned a, unsigned b, unsigned c, unsigned d);
  void remove_route(unsigned a);
  void remove_allowed(unsigned a);
  void set_neighbour(bool ipv6, unsigned a, unsigned b, unsigned c);
  void toggle_address(bool ipv6, unsigned a, unsigned b, unsigned c);
  void update_local();
  void configure(bool ipv6, unsigned a, unsigned b, unsigned c, unsigned d);
  // Another MTU, or the device is made anew with another index: what hung on the old one is gone.
  void change_link(unsigned a, unsigned b);
  static int other_index(int index);
  // Its index.
  int remove_link(const std::string& name);
  void attach();
  // As a new control process does with the data plane that the one before left.
  void take_over(History* before);
  void check() const;
  void check_neighbours() const;
  void check_endpoints() const;
  void check_nesting() const;
  [[nodiscard]] bool may_lead_back(std::uint32_t peer, std::uint16_t interface, int depth) const;
  static std::uint16_t interface_of(std::uint32_t peer);
};

}  // namespace gotthard::route::test
