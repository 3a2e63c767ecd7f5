#include "perf/pipeline/scenario.h"

#include <algorithm>

#include "perf/imix.h"

namespace gotthard::perf::pipeline {
namespace {

using abi::Family;
using crypto::Suite;

constexpr std::uint32_t kLeastSize6 = 48;  // headers of IPv6 and UDP

}  // namespace

std::uint32_t Scenario::buffers() const {
  constexpr std::uint32_t kHot = 32;
  const std::uint32_t all = working_set.value_or(kHot);
  const std::uint32_t part = working_set && direction == Direction::both ? all / 2 : all;
  return part / burst * burst;
}

std::uint32_t length_of(const Scenario& scenario, std::size_t index) {
  return scenario.size.value_or(kImix[index % kImix.size()]);
}

double mean_length(const Scenario& scenario) {
  return scenario.size ? *scenario.size : mean_of_imix();
}

std::uint32_t greatest_length(const Scenario& scenario) {
  return scenario.size.value_or(*std::max_element(kImix.begin(), kImix.end()));
}

Status check(const Scenario& scenario, std::size_t cpus) {
  const Suite suite = scenario.suite();
  if (scenario.protocol == Protocol::wireguard && suite != Suite::chacha20_poly1305) {
    return fail(
        "WireGuard has no suite but chacha20poly1305: leave --suite out, or take "
        "--protocol esp for {}",
        suite_name(suite));
  }
  if (scenario.protocol == Protocol::wireguard && scenario.nat_t) {
    return fail("--nat-t is of ESP, WireGuard is always in UDP: take --protocol esp");
  }
  if (scenario.size && scenario.inner == Family::ipv6 && *scenario.size < kLeastSize6) {
    return fail("--size {} does not hold the headers of IPv6 and UDP: give at least {}",
                *scenario.size, kLeastSize6);
  }
  if (scenario.workers > cpus) {
    return fail(
        "--workers {} needs as many CPUs, and this process may run on {}: give fewer, or "
        "change its affinity (taskset)",
        scenario.workers, cpus);
  }
  if (scenario.protocol == Protocol::wireguard && scenario.workers > 1 &&
      2 * scenario.workers * 32 > scenario.reorder_budget) {
    return fail("--reorder-budget {} is too small for {} workers of WireGuard: give at least {}",
                scenario.reorder_budget, scenario.workers, 2 * scenario.workers * 32);
  }
  return {};
}

std::string protocol_name(Protocol protocol) {
  return protocol == Protocol::wireguard ? "wireguard" : "esp";
}

std::string direction_name(Direction direction) {
  switch (direction) {
    case Direction::encap:
      return "encap";
    case Direction::decap:
      return "decap";
    default:
      return "both";
  }
}

std::string suite_name(Suite suite) {
  switch (suite) {
    case Suite::aes128_gcm:
      return "aes128gcm";
    case Suite::aes192_gcm:
      return "aes192gcm";
    case Suite::aes256_gcm:
      return "aes256gcm";
    case Suite::aes128_gmac:
      return "aes128gmac";
    default:
      return "chacha20poly1305";
  }
}

std::string size_name(const Scenario& scenario) {
  return scenario.size ? std::to_string(*scenario.size) : "imix";
}

std::string working_set_name(const Scenario& scenario) {
  return scenario.working_set ? std::to_string(*scenario.working_set) : "hot";
}

std::string ip_name(const Scenario& scenario) {
  const auto digit = [](Family family) { return family == Family::ipv4 ? "4" : "6"; };
  return std::string(digit(scenario.inner)) + digit(scenario.outer);
}

}  // namespace gotthard::perf::pipeline
