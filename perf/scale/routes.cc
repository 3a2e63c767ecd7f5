#include "perf/scale/routes.h"

#include <array>
#include <vector>

#include "base/clock.h"
#include "control/route/fib_builder.h"
#include "perf/pipeline/addresses.h"
#include "perf/scale/in_turns.h"

namespace gotthard::perf::scale {
namespace {

using pipeline::Block;
using pipeline::Run;

double seconds_since(Nanoseconds begin) {
  return static_cast<double>(boottime_now() - begin) / static_cast<double>(kSecond);
}

double route_cycles(const Run& run, std::uint64_t limit) {
  return run.stages()[static_cast<std::size_t>(StageId::route)].median(limit);
}

// A peer's allowed IPs: each is a route, and a source that the peer may use.
void build_in_control(const Bench& bench, std::uint32_t count, Routes* result) {
  config::Config config;
  config.wireguard.resize(1);
  config.wireguard[0].name = "wg0";
  route::FibBuilder fib({.emit = [&](const abi::CommandBody&) { return ++result->commands; },
                         .resolve = [](std::uint16_t, const abi::Address&) {}});
  fib.configure(config, boottime_now());
  fib.apply(route::Link{1, "wg0", true, 1420});
  route::KernelRoute into_the_tunnel;  // within which allowed IPs are routes
  into_the_tunnel.destination.address.family = bench.scenario.inner;
  into_the_tunnel.hops = {{.link = 1}};
  fib.apply(route::RouteAdded{into_the_tunnel});
  fib.apply(route::Synchronised{});
  fib.attach(boottime_now());
  fib.flush(boottime_now());
  const Block behind(Block::Side::remote, bench.scenario.inner, 0, 1, count);
  std::vector<config::Prefix> prefixes;
  for (std::uint32_t i = 0; i < count; ++i) {
    const pipeline::Prefix prefix = behind.prefix(i);
    prefixes.push_back({.address = prefix.address, .length = prefix.length});
  }
  result->commands = 0;
  const Nanoseconds begin = boottime_now();
  fib.set_allowed_ips(0, 0, prefixes);
  fib.flush(boottime_now());
  result->control_seconds = seconds_since(begin);
}

}  // namespace

Result<Routes> measure_routes(const Bench& bench, std::uint32_t prefixes) {
  pipeline::Scenario scenario = bench.scenario;
  auto one = Run::create(scenario, bench.environment);
  if (!one) {
    return tl::unexpected(one.error());
  }
  scenario.routes = prefixes;
  auto many = Run::create(scenario, bench.environment);
  if (!many) {
    return tl::unexpected(many.error());
  }
  const std::array<Run*, 2> runs = {one->get(), many->get()};
  const auto limit = in_turns(runs, bench.seconds, bench.tsc_hz);
  if (!limit) {
    return tl::unexpected(limit.error());
  }
  Routes result{.prefixes = prefixes,
                .one = (*one)->figures(*limit),
                .many = (*many)->figures(*limit),
                .lookup_cycles = route_cycles(**many, *limit) - route_cycles(**one, *limit),
                .quiet_share = (*many)->of(pipeline::Kind::path).quiet_share(*limit),
                .data_plane_seconds = (*many)->gateway().seconds_to_configure()};
  build_in_control(bench, prefixes, &result);
  return result;
}

}  // namespace gotthard::perf::scale
