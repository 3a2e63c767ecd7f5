// Session ids: the slot in the low bits, the rest random per use, so that an id that was in use
// before names nothing again by accident.
#pragma once

#include <bitset>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "dataplane/abi/directory.h"
#include "dataplane/abi/limits.h"

namespace gotthard::control {

class SessionAllocator {
 public:
  using Random = std::function<std::uint32_t()>;

  explicit SessionAllocator(Random random)
      : random_(std::move(random)), used_(std::make_unique<Slots>()) {}

  // Nothing: every slot is in use.
  [[nodiscard]] std::optional<std::uint32_t> allocate();
  void release(std::uint32_t id);

  // A slot that lives in the data plane already.
  void occupy(std::uint32_t id) { used_->set(slot(id)); }
  // The data plane was started anew: nothing lives there.
  void clear() { used_->reset(); }
  [[nodiscard]] bool in_use(std::uint32_t id) const { return used_->test(slot(id)); }

 private:
  using Slots = std::bitset<abi::kMaxSessions>;
  [[nodiscard]] static std::size_t slot(std::uint32_t id) { return id & abi::kSlotMask; }

  Random random_;
  std::unique_ptr<Slots> used_;
};

}  // namespace gotthard::control
