// How large the checkpoint's shared memory is. The supervisor makes and keeps it, control lays it
// out. All of it is locked memory.
#pragma once

#include <cstddef>

namespace gotthard::checkpoint {

inline constexpr std::size_t kMemorySize = 32U << 20;

}  // namespace gotthard::checkpoint
