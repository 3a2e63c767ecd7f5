// Scenarios measured side by side: what disturbs one disturbs the others as much.
#pragma once

#include <cstdint>
#include <span>

#include "perf/pipeline/run.h"

namespace gotthard::perf::scale {

// The runs in turns until `seconds` are over, up to a second longer while disturbances leave one
// without figures that can be. The limit of what was quiet, for all of them. An error when that did
// not help, or a packet was lost or wrong.
Result<std::uint64_t> in_turns(std::span<pipeline::Run* const> runs, double seconds, double tsc_hz);

}  // namespace gotthard::perf::scale
