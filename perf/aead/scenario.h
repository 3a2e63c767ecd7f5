// One question to `gotthard-perf aead`: what is sealed or opened, and by which two backends.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "crypto/backend.h"
#include "crypto/suite.h"

namespace gotthard::perf {

enum class Direction : std::uint8_t { seal, open };
// Buffers that one core touches again and again, or 4,096 in turn: those lie in L3 or beyond.
enum class WorkingSet : std::uint8_t { hot, cold };

struct Scenario {
  crypto::Suite suite = crypto::Suite::chacha20_poly1305;
  Direction direction = Direction::seal;
  std::optional<std::uint32_t> size = 1420;  // bytes of text; none: the usual mix of sizes
  std::uint32_t burst = 32;                  // packets a call, 1 to 64
  std::uint32_t sessions = 1;                // keys, which packets take in turn
  WorkingSet working_set = WorkingSet::hot;
  crypto::Backend backend = crypto::Backend::automatic;
  crypto::Backend baseline = crypto::Backend::ipsec_mb;
};

// The length of packet `index`, and the mean of all.
[[nodiscard]] std::uint32_t length_of(const Scenario& scenario, std::size_t index);
[[nodiscard]] double mean_length(const Scenario& scenario);

// The names of options and of JSON.
[[nodiscard]] std::string suite_name(crypto::Suite suite);
[[nodiscard]] std::string direction_name(Direction direction);
[[nodiscard]] std::string working_set_name(WorkingSet working_set);
[[nodiscard]] std::string size_name(const Scenario& scenario);

// Suites, directions, sizes, working sets and 1 and 32 sessions, each with each; the rest is as in
// `base`.
[[nodiscard]] std::vector<Scenario> grid(const Scenario& base);

}  // namespace gotthard::perf
