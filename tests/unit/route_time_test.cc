// How long it takes with many routes.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>

#include "tests/unit/route_fixture.h"

namespace gotthard::route::test {
namespace {

Prefix random_prefix(std::uint64_t* state, bool ipv6) {
  *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
  const std::uint64_t random = *state;
  Prefix prefix;
  prefix.length = static_cast<std::uint8_t>(ipv6 ? 32 + (random >> 60) * 2 : 16 + (random >> 61));
  prefix.address.family = ipv6 ? Family::ipv6 : Family::ipv4;
  for (int i = 0; i < 8; ++i) {
    if (ipv6 || i < 4) {
      prefix.address.bytes[static_cast<std::size_t>(i)] =
          static_cast<std::uint8_t>(random >> (8 * (6 - i % 7)));
    }
  }
  prefix.address.bytes[0] =
      static_cast<std::uint8_t>(ipv6 ? 0x20 : prefix.address.bytes[0] % 200 + 11);
  prefix.address = to_address(prefix.address.family, to_bits(prefix.address) & mask(prefix.length));
  return prefix;
}

double milliseconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

TEST(FibBuilderTime, AHundredThousandRoutes) {
  config::Config config;
  config.ports.resize(1);
  config.ports[0].name = "wan";
  config.wireguard.resize(1);
  config.wireguard[0].name = "wg0";
  std::uint64_t serial = 0;
  FibBuilder fib(
      {[&](const abi::CommandBody&) { return ++serial; }, [](std::uint16_t, const Address&) {}});
  fib.configure(config, 1);
  fib.apply(Link{kWan, "wan", true, 1500});
  fib.apply(Link{kWg0, "wg0", true, 1420});
  fib.apply(Synchronised{});
  std::uint64_t state = 42;
  std::set<Prefix> prefixes;
  while (prefixes.size() < 100000) {
    prefixes.insert(random_prefix(&state, prefixes.size() % 4 == 3));
  }
  std::vector<KernelRoute> routes;
  for (const Prefix& prefix : prefixes) {
    KernelRoute route;
    route.destination = prefix;
    const bool wan = prefix.address.bytes[1] % 2 == 0;
    route.hops = {{wan ? kWan : kWg0, wan ? ip("192.0.2.254") : Address{}, 1}};
    routes.push_back(route);
  }
  for (std::uint32_t peer = 0; peer < 1000; ++peer) {
    fib.add_allowed_ip(0, peer, routes[peer * 97].destination);
    Address endpoint = ip("198.51.0.0");
    endpoint.bytes[2] = static_cast<std::uint8_t>(peer >> 8);
    endpoint.bytes[3] = static_cast<std::uint8_t>(peer);
    fib.set_endpoint(0, peer, endpoint);
  }
  const double build = milliseconds_of([&] {
    for (const KernelRoute& route : routes) {
      fib.apply(RouteAdded{route});
    }
    fib.attach(2);
  });
  EXPECT_GE(fib.counters().prefixes, 100000U);

  std::vector<double> changes;
  for (std::size_t i = 0; i < 1000; ++i) {
    const KernelRoute& route = routes[i * 89];
    changes.push_back(milliseconds_of([&] {
      fib.apply(RouteGone{route});
      fib.flush(3);
      fib.apply(RouteAdded{route});
      fib.flush(3);
    }));
  }
  std::ranges::sort(changes);
  const double typical = changes[changes.size() / 2] / 2;
  const auto before = serial;
  const double default_allowed = milliseconds_of([&] {
    fib.add_allowed_ip(0, 7, net("0.0.0.0/0"));
    fib.flush(4);
  });
  RecordProperty("build_ms", std::to_string(build));
  std::printf("build %.0f ms, a change %.4f ms (median), /0 to a peer %.1f ms and %llu commands\n",
              build, typical, default_allowed, static_cast<unsigned long long>(serial - before));
  // Far below on a quiet machine; sanitizers and neighbours take their share.
  EXPECT_LT(build, 10000);
  EXPECT_LT(typical, 1);
}

}  // namespace
}  // namespace gotthard::route::test
