// One question to `gotthard-perf pipeline`: what goes through the workers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "crypto/suite.h"
#include "dataplane/abi/records.h"

namespace gotthard::perf::pipeline {

enum class Protocol : std::uint8_t { wireguard, esp };
enum class Direction : std::uint8_t { encap, decap, both };

struct Scenario {
  Protocol protocol = Protocol::wireguard;
  std::optional<crypto::Suite> given_suite;  // none: the protocol's usual one
  Direction direction = Direction::encap;
  std::optional<std::uint32_t> size = 1420;  // bytes of inner IP packets; none: the mix of sizes
  std::uint32_t burst = 32;                  // packets that a port hands out at a time
  std::uint32_t workers = 1;
  std::uint32_t sessions = 1;  // each of a tunnel of its own
  std::uint32_t routes = 1;  // prefixes behind the tunnels, as many inside; one a session at least
  std::optional<std::uint32_t> working_set;  // buffers of a worker; none: 32, hot
  abi::Family inner = abi::Family::ipv4;
  abi::Family outer = abi::Family::ipv4;
  bool nat_t = false;  // ESP in UDP
  std::uint16_t reorder_budget = 4096;
  double seconds = 2;

  [[nodiscard]] crypto::Suite suite() const {
    return given_suite.value_or(protocol == Protocol::esp ? crypto::Suite::aes128_gcm
                                                          : crypto::Suite::chacha20_poly1305);
  }
  [[nodiscard]] bool encapsulates() const { return direction != Direction::decap; }
  [[nodiscard]] bool decapsulates() const { return direction != Direction::encap; }
  [[nodiscard]] std::uint32_t prefixes() const { return routes > sessions ? routes : sessions; }
  // Buffers that each direction of a worker has, whole bursts: 32, or its part of the working set.
  [[nodiscard]] std::uint32_t buffers() const;
};

// Bytes of inner packet `index`, of all on average, and of the largest.
[[nodiscard]] std::uint32_t length_of(const Scenario& scenario, std::size_t index);
[[nodiscard]] double mean_length(const Scenario& scenario);
[[nodiscard]] std::uint32_t greatest_length(const Scenario& scenario);

// What no single option can say is wrong. `cpus`: on which this process may run.
[[nodiscard]] Status check(const Scenario& scenario, std::size_t cpus);

// Bounds of options.
inline constexpr std::uint32_t kLeastSize = 28;  // headers of IPv4 and UDP
inline constexpr std::uint32_t kGreatestSize = 9000;
inline constexpr std::uint32_t kMostWorkers = 16;  // software ports have no more queues
inline constexpr std::uint32_t kMostSessions = 10000;
inline constexpr std::uint32_t kMostRoutes = 500000;
// In less than this no 32-bit sequence number of ESP comes to its end.
inline constexpr double kMostSeconds = 60;

// The names of options and of JSON.
[[nodiscard]] std::string protocol_name(Protocol protocol);
[[nodiscard]] std::string direction_name(Direction direction);
[[nodiscard]] std::string suite_name(crypto::Suite suite);
[[nodiscard]] std::string size_name(const Scenario& scenario);
[[nodiscard]] std::string working_set_name(const Scenario& scenario);
[[nodiscard]] std::string ip_name(const Scenario& scenario);

}  // namespace gotthard::perf::pipeline
