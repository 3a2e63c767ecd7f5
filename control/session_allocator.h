// Session ids: the slot in the low bits, the rest random per use, so that an id that was in use
// before names nothing again by accident.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "dataplane/abi/limits.h"

namespace gotthard::control {

class SessionAllocator {
 public:
  using Random = std::function<std::uint32_t()>;

  explicit SessionAllocator(Random random)
      : random_(std::move(random)), holder_(abi::kMaxSessions) {}

  // Nothing: every slot is in use.
  [[nodiscard]] std::optional<std::uint32_t> allocate();
  // Of an id that does not hold its slot: nothing, the holder keeps it.
  void release(std::uint32_t id);

  // A slot that lives in the data plane already.
  void occupy(std::uint32_t id) { holder_[slot(id)] = id; }
  // The data plane was started anew: nothing lives there.
  void clear() { holder_.assign(abi::kMaxSessions, 0); }
  [[nodiscard]] bool in_use(std::uint32_t id) const { return holder_[slot(id)] == id; }
  [[nodiscard]] bool slot_in_use(std::uint32_t id) const { return holder_[slot(id)] != 0; }

 private:
  [[nodiscard]] static std::size_t slot(std::uint32_t id) { return id & abi::kSlotMask; }

  Random random_;
  std::vector<std::uint32_t> holder_;  // by slot; 0, which is no session's id, for none
};

}  // namespace gotthard::control
