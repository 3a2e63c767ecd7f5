#include "control/session_allocator.h"

namespace gotthard::control {

std::optional<std::uint32_t> SessionAllocator::allocate() {
  const std::uint32_t start = random_() & abi::kSlotMask;
  for (std::uint32_t step = 0; step < abi::kMaxSessions; ++step) {
    const std::uint32_t candidate = (start + step) & abi::kSlotMask;
    if (holder_[candidate] != 0) {
      continue;
    }
    std::uint32_t id = 0;
    do {
      id = (random_() & ~abi::kSlotMask) | candidate;
    } while (id <= abi::kHighestConfiguredId);
    holder_[candidate] = id;
    return id;
  }
  return std::nullopt;
}

void SessionAllocator::release(std::uint32_t id) {
  if (in_use(id)) {
    holder_[slot(id)] = 0;
  }
}

}  // namespace gotthard::control
