// What shows how far the measurement itself is to be trusted: an AEAD's call with a leak behind it
// that must be found, and one without that must not.
#pragma once

#include <vector>

#include "crypto/aead.h"
#include "tests/constant_time/experiment.h"

namespace gotthard::constant_time {

struct Control {
  Experiment experiment;
  bool leaks = true;
};

// `engine` outlives the experiments.
[[nodiscard]] std::vector<Control> controls(crypto::AeadEngine& engine);

}  // namespace gotthard::constant_time
