// A FIB builder in front of a data plane that remembers.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "control/route/fib_builder.h"
#include "tests/unit/route_model.h"
#include "tests/unit/route_text.h"

namespace gotthard::route::test {

inline constexpr int kWan = 3;
inline constexpr int kLan = 4;
inline constexpr int kWg0 = 5;
inline constexpr int kEth0 = 2;
inline constexpr Mac kMac{2, 0, 0, 0, 0, 9};

// The gateway of the project's example: wan (port 0, underlay), lan (port 1, inside), wg0.
class FibBuilderFixture : public testing::Test {
 protected:
  FibBuilderFixture() {
    config::Port wan;
    wan.name = "wan";
    config::Port lan;
    lan.name = "lan";
    lan.role = config::Role::inside;
    config_.ports = {wan, lan};
    config::WireGuard wg0;
    wg0.name = "wg0";
    config_.wireguard = {wg0};
  }

  void start() {
    fib_.configure(config_, now_);
    fib_.apply(Link{kWan, "wan", true, 1500});
    fib_.apply(Link{kLan, "lan", true, 1500});
    fib_.apply(Link{kWg0, "wg0", true, 1420});
    fib_.apply(Link{kEth0, "eth0", true, 1500});
    address(kWan, "192.0.2.1/24");
    address(kWan, "2001:db8::1/64");
    address(kLan, "10.1.0.1/24");
    address(kWg0, "172.31.0.1/30");
    route("192.0.2.0/24", kWan);
    route("2001:db8::/64", kWan);
    route("10.1.0.0/24", kLan);
    route("172.31.0.0/30", kWg0);
    fib_.apply(Synchronised{});
    fib_.attach(now_);
  }

  void address(int link, const std::string& text) {
    const Prefix prefix = net(text);
    fib_.apply(LocalAddress{link, prefix.address, prefix.length, true});
  }
  static KernelRoute make_route(const std::string& prefix, int link, const std::string& via = {},
                                std::uint32_t metric = 0) {
    KernelRoute route;
    route.destination = net(prefix);
    route.metric = metric;
    if (link != 0) {
      route.hops = {{link, via.empty() ? Address{} : ip(via), 1}};
    }
    return route;
  }
  void route(const std::string& prefix, int link, const std::string& via = {},
             std::uint32_t metric = 0) {
    fib_.apply(RouteAdded{make_route(prefix, link, via, metric)});
  }
  void neighbour(int link, const std::string& address, Reachability state) {
    fib_.apply(Neighbour{link, ip(address), kMac, state});
  }
  void flush() { fib_.flush(now_); }
  abi::HopKind kind(const std::string& address) {
    return static_cast<abi::HopKind>(plane_.lookup(ip(address)).kind);
  }
  const abi::NeighbourSet* sent_neighbour(const std::string& address) {
    for (const auto& [number, sent] : plane_.neighbours()) {
      if (sent.address == ip(address)) {
        return &sent;
      }
    }
    return nullptr;
  }
  void apply_all() {
    while (const auto serial = plane_.apply_oldest()) {
      fib_.on_applied(*serial);
    }
  }

  config::Config config_;
  DataPlaneModel plane_;
  std::uint64_t sent_ = 0;
  std::vector<std::pair<std::uint16_t, Address>> asked_;
  Nanoseconds now_ = 1000 * kSecond;
  FibBuilder fib_{
      {[this](const abi::CommandBody& command) {
         ++sent_;
         return plane_.take(command);
       },
       [this](std::uint16_t port, const Address& address) { asked_.emplace_back(port, address); }}};
};

}  // namespace gotthard::route::test
