// What one worker gives to another to do: rings between each two of them, and for each worker a
// place where the others say that there is something, so that it has one word to look at.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "dataplane/abi/limits.h"

namespace gotthard::dataplane {

// Pointers from one thread to another, first in, first out.
template <typename T, std::uint32_t kSize>
class HandoffRing {
  static_assert(std::has_single_bit(kSize));

 public:
  // The giver. False: full.
  [[nodiscard]] bool push(T* item) {
    const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_.load(std::memory_order_acquire) == kSize) {
      return false;
    }
    items_[tail % kSize] = item;
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }
  // The taker. Null: empty.
  [[nodiscard]] T* pop() {
    const std::uint32_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_acquire)) {
      return nullptr;
    }
    T* item = items_[head % kSize];
    head_.store(head + 1, std::memory_order_release);
    return item;
  }

 private:
  alignas(64) std::atomic<std::uint32_t> tail_{0};  // the giver's
  std::array<T*, kSize> items_{};
  alignas(64) std::atomic<std::uint32_t> head_{0};  // the taker's
};

// All workers' places. `kDepth` things may wait at a taker from each giver.
template <typename T, std::uint32_t kDepth>
class Handoff {
 public:
  explicit Handoff(std::uint32_t workers)
      : workers_(workers), places_(std::make_unique<Place[]>(workers)) {
    for (std::uint32_t i = 0; i < workers; ++i) {
      places_[i].rings = std::make_unique<HandoffRing<T, kDepth>[]>(workers);
    }
  }
  [[nodiscard]] std::uint32_t workers() const { return workers_; }

  // The thread of `from`. False: `to` has enough to do.
  [[nodiscard]] bool give(std::uint32_t from, std::uint32_t to, T* item) {
    return give(from, to, std::span<T* const>(&item, 1)) == 1;
  }
  // The number of those that it has room for.
  [[nodiscard]] std::uint32_t give(std::uint32_t from, std::uint32_t to,
                                   std::span<T* const> items) {
    Place& place = places_[to];
    std::uint32_t given = 0;
    while (given < items.size() && place.rings[from].push(items[given])) {
      ++given;
    }
    if (given > 0) {
      place.givers.fetch_or(std::uint64_t{1} << from, std::memory_order_release);
    }
    return given;
  }

  // The thread of `worker`: one thing to do, of each giver in turn. Null: nothing.
  [[nodiscard]] T* take(std::uint32_t worker) {
    Place& place = places_[worker];
    // What is given after the exchange sets its bit anew.
    if (place.seen == 0 && place.givers.load(std::memory_order_relaxed) != 0) {
      place.seen = place.givers.exchange(0, std::memory_order_acquire);
    }
    while (place.seen != 0) {
      const std::uint64_t later = place.seen & ~place.served;
      if (later == 0) {
        place.served = 0;
        continue;
      }
      const auto from = static_cast<std::uint32_t>(std::countr_zero(later));
      if (T* item = place.rings[from].pop()) {
        place.served |= std::uint64_t{1} << from;
        return item;
      }
      place.seen &= ~(std::uint64_t{1} << from);
    }
    return nullptr;
  }

  // The thread of `worker` says how it is; the others ask before they give.
  void set_backlogged(std::uint32_t worker, bool backlogged) {
    set(&places_[worker].backlogged, backlogged);
  }
  void set_asleep(std::uint32_t worker, bool asleep) { set(&places_[worker].asleep, asleep); }
  [[nodiscard]] bool backlogged(std::uint32_t worker) const {
    return places_[worker].backlogged.load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool asleep(std::uint32_t worker) const {
    return places_[worker].asleep.load(std::memory_order_relaxed);
  }
  // Nobody gives to one that sleeps: it is asked to stay awake once it looks.
  void call(std::uint32_t worker) { set(&places_[worker].called, true); }
  [[nodiscard]] bool was_called(std::uint32_t worker) {
    const bool called = places_[worker].called.load(std::memory_order_relaxed);
    set(&places_[worker].called, false);
    return called;
  }

 private:
  static_assert(abi::kMaxWorkers <= 64, "a bit for each giver");

  struct Place {
    // Written by the worker, rarely.
    alignas(64) std::atomic<bool> backlogged{false};
    std::atomic<bool> asleep{false};
    // Written by the others.
    alignas(64) std::atomic<std::uint64_t> givers{0};
    std::atomic<bool> called{false};
    // The worker's own: givers that may have more, and those who had their turn.
    alignas(64) std::uint64_t seen = 0;
    std::uint64_t served = 0;
    std::unique_ptr<HandoffRing<T, kDepth>[]> rings;  // by giver
  };

  // A line that others read is written only to say something new.
  static void set(std::atomic<bool>* flag, bool value) {
    if (flag->load(std::memory_order_relaxed) != value) {
      flag->store(value, std::memory_order_relaxed);
    }
  }

  std::uint32_t workers_;
  std::unique_ptr<Place[]> places_;
};

}  // namespace gotthard::dataplane
