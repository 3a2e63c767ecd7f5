// crypto::equal(), by which all but the kernels compare: first bytes that differ, or last ones.
#pragma once

#include "tests/constant_time/experiment.h"

namespace gotthard::constant_time {

[[nodiscard]] Experiment comparison_experiment();

// Two halves of `secret` that are the same but for a bit, of the first byte (the fixed class) or
// the last one.
void fill_halves(Class of, Random& random, std::span<std::byte> secret);

}  // namespace gotthard::constant_time
