// Sessions by the id that packets carry: the slot in the low bits, all 32 bits compared. One index,
// one compare.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "dataplane/abi/limits.h"
#include "dataplane/table/session.h"

namespace gotthard::dataplane {

class SessionTable {
 public:
  // Workers. Nothing, or a session that stays valid until the worker's next quiescent state.
  [[nodiscard]] Session* find(std::uint32_t id) const {
    Session* session = slots_[id & abi::kSlotMask].load(std::memory_order_acquire);
    return session != nullptr && session->local_id == id ? session : nullptr;
  }

  // Before at() or find() of many.
  void prefetch(std::uint32_t id) const { __builtin_prefetch(&slots_[id & abi::kSlotMask]); }

  // The manager. A null session makes the slot unknown to workers; the object must outlive the
  // grace period.
  void publish(std::uint32_t slot, Session* session) {
    slots_[slot & abi::kSlotMask].store(session, std::memory_order_release);
  }
  // Also workers, where they touch nothing of it.
  [[nodiscard]] Session* at(std::uint32_t slot) const {
    return slots_[slot & abi::kSlotMask].load(std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<Session*>, abi::kMaxSessions> slots_{};
};

}  // namespace gotthard::dataplane
