// How many atomic read-modify-write instructions does some code execute? It is run step by step,
// by the CPU's trap flag, and each instruction is looked at; some million steps a second.
#pragma once

#include <cstdint>
#include <functional>

#include "base/result.h"

namespace gotthard::perf {

// Of `code` on this thread. Not two at a time in one process; SIGTRAP is the caller's again after.
Result<std::uint64_t> count_locked_instructions(const std::function<void()>& code);

// Whether the instruction that begins there locks the bus: a LOCK prefix, or XCHG with memory.
[[nodiscard]] bool is_locked(const std::uint8_t* instruction);

}  // namespace gotthard::perf
