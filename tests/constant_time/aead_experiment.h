// Calls of an AEAD's backend whose secrets are of two classes.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "crypto/aead.h"
#include "tests/constant_time/experiment.h"

namespace gotthard::constant_time {

enum class Call : std::uint8_t { expand, seal, open };

// What the classes differ in; all else is the same in each call. `tag`: forgeries that all are
// refused, wrong in the tag's first byte (the fixed class) or in its last one.
enum class Secret : std::uint8_t { key, text, tag };

// A batch of packets. Keys take turns.
struct Shape {
  std::string_view name;
  std::vector<std::uint32_t> lengths;  // bytes
  std::uint32_t aad = 0;               // bytes
  std::size_t keys = 1;
};

struct AeadCase {
  crypto::Suite suite = crypto::Suite::chacha20_poly1305;
  Call call = Call::seal;
  Secret secret = Secret::key;
  const Shape* shape = nullptr;
};

// `engine` outlives the experiment.
[[nodiscard]] Experiment aead_experiment(crypto::AeadEngine& engine, const AeadCase& which);

// All that are worth a look of one backend, with shapes that lead through all of a kernel.
[[nodiscard]] std::vector<Experiment> aead_experiments(crypto::AeadEngine& engine);

}  // namespace gotthard::constant_time
