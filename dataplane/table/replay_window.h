// The anti-replay window of a session, shared by all workers without a lock (the ring of blocks of
// RFC 6479, made concurrent).
//
// Slot `block mod N` holds {number of a block of 64 counters, a bit for each of them}. No head says
// where the window stands: a slot moves forward alone, when a counter of a newer block is accepted
// there. Why no counter is ever accepted twice: a slot changes only by compare-and-swap of both
// words; its block number never falls; within a block bits are only set; and a counter is accepted
// by nothing else than the swap that turned its bit from 0 to 1. All zero is the window before the
// first packet. Numbers are only compared, so no edge at 2^32 or 2^64 is special.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>

namespace gotthard::dataplane {

// What makes the window exact, each to be switched off by a test that must then see it fail. Before
// each access to a slot the window calls access(), so that a test can put another worker there.
struct ExactWindow {
  static constexpr bool kAtomicSwap = true;       // compare and swap in one
  static constexpr bool kRefuseOlder = true;      // a slot that moved on does not move back
  static constexpr bool kBlockBeforeBits = true;  // order of the two reads
  static constexpr bool kAcceptNewOnly = true;    // what the swap set, not what it was asked to set
  static constexpr bool kCheckBurst = true;       // duplicates within one run
  static void access() {}
};

enum class WindowVerdict : std::uint8_t {
  accept,
  replay,  // accepted before
  late,    // its block has left the window: nothing can be said of it
};

template <typename Policy>
class BasicReplayWindow {
 public:
  using Verdict = WindowVerdict;
  static constexpr std::uint32_t kDefaultPackets = 65536;

  // Bytes for a window of `packets` counters, rounded up to a power of two of at least 1,024.
  [[nodiscard]] static constexpr std::size_t memory_size(std::uint32_t packets) {
    return sizeof(Head) + slot_count(packets) * sizeof(Slot);
  }

  BasicReplayWindow() = default;
  BasicReplayWindow(const BasicReplayWindow&) = delete;
  BasicReplayWindow& operator=(const BasicReplayWindow&) = delete;

  // Before publication. `memory` is aligned to a cache line, outlives the window and is not owned.
  void attach(std::byte* memory, std::uint32_t packets) {
    head_ = new (memory) Head;
    slots_ = reinterpret_cast<Slot*>(memory + sizeof(Head));
    mask_ = slot_count(packets) - 1;
    for (std::size_t i = 0; i <= mask_; ++i) {
      new (&slots_[i]) Slot;
    }
  }

  // Before authentication: spares the work for what would be refused anyway. Any worker.
  [[nodiscard]] Verdict precheck(std::uint64_t counter) const {
    const std::uint64_t block = counter / kBlockBits;
    const Words now = read(slot(block));
    if (now.block > block) {
      return Verdict::late;
    }
    const bool seen = now.block == block && (now.bits >> (counter % kBlockBits) & 1) != 0;
    return seen ? Verdict::replay : Verdict::accept;
  }

  // What precheck() will look at.
  void prefetch(std::uint64_t counter) const { __builtin_prefetch(&slot(counter / kBlockBits)); }

  // After authentication, counters in any order: the verdicts. One swap for each run of counters
  // that lie in one block. Any worker.
  void commit(std::span<const std::uint64_t> counters, std::span<Verdict> verdicts) {
    for (std::size_t first = 0; first < counters.size();) {
      const std::uint64_t block = counters[first] / kBlockBits;
      std::uint64_t wanted = 0;
      std::size_t end = first;
      for (; end < counters.size() && counters[end] / kBlockBits == block; ++end) {
        const std::uint64_t bit = std::uint64_t{1} << (counters[end] % kBlockBits);
        const bool twice = Policy::kCheckBurst && (wanted & bit) != 0;
        verdicts[end] = twice ? Verdict::replay : Verdict::accept;
        wanted |= bit;
      }
      settle(block, wanted, counters.subspan(first, end - first),
             verdicts.subspan(first, end - first));
      first = end;
    }
  }

  // One more than the greatest counter accepted, 0 when there is none. Workers that race may leave
  // it a little behind: it is for people, and for guesses whose error authentication catches.
  [[nodiscard]] std::uint64_t received() const {
    const Words top = read(slot(head_->top.load(std::memory_order_relaxed)));
    return top.bits == 0 ? 0 : top.block * kBlockBits + std::bit_width(top.bits);
  }

 private:
  static constexpr std::uint64_t kBlockBits = 64;

  struct alignas(16) Slot {
    std::atomic<std::uint64_t> block{0};
    std::atomic<std::uint64_t> bits{0};
  };
  static_assert(sizeof(Slot) == 16);
  // The greatest block, written once a block: its line is not to travel with each burst.
  struct alignas(64) Head {
    std::atomic<std::uint64_t> top{0};
  };
  struct Words {
    std::uint64_t block;
    std::uint64_t bits;
  };

  [[nodiscard]] static constexpr std::size_t slot_count(std::uint32_t packets) {
    const std::size_t at_least = packets < 1024 ? 1024 : packets;
    return std::bit_ceil((at_least + kBlockBits - 1) / kBlockBits);
  }
  [[nodiscard]] Slot& slot(std::uint64_t block) const { return slots_[block & mask_]; }

  // The block first: bits read after it are at least as new. A pair that was never there together
  // is of a block that has left since: it fails the swap, or is refused as seen, which it may as
  // well be; precheck() may let it pass, and commit() refuses it.
  [[nodiscard]] static Words read(const Slot& slot) {
    Policy::access();
    if constexpr (Policy::kBlockBeforeBits) {
      const std::uint64_t block = slot.block.load(std::memory_order_acquire);
      Policy::access();
      return {.block = block, .bits = slot.bits.load(std::memory_order_relaxed)};
    } else {
      const std::uint64_t bits = slot.bits.load(std::memory_order_acquire);
      Policy::access();
      return {.block = slot.block.load(std::memory_order_relaxed), .bits = bits};
    }
  }

  // Both words at once; false when they are not as expected any more, and `expected` is what is
  // there then.
  static bool swap(Slot* slot, Words* expected, Words desired) {
    Policy::access();
    if constexpr (!Policy::kAtomicSwap) {
      const Words now = read(*slot);
      if (now.block != expected->block || now.bits != expected->bits) {
        *expected = now;
        return false;
      }
      Policy::access();
      slot->block.store(desired.block, std::memory_order_relaxed);
      slot->bits.store(desired.bits, std::memory_order_relaxed);
      return true;
    } else {
#if defined(__SANITIZE_THREAD__)
      // ThreadSanitizer does not see inside inline assembly.
      using Pair = unsigned __int128;
      Pair old = expected->block | (static_cast<Pair>(expected->bits) << 64);
      const Pair next = desired.block | (static_cast<Pair>(desired.bits) << 64);
      const bool done = __atomic_compare_exchange_n(reinterpret_cast<Pair*>(slot), &old, next,
                                                    false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
      *expected = {.block = static_cast<std::uint64_t>(old),
                   .bits = static_cast<std::uint64_t>(old >> 64)};
      return done;
#else
      // g++ would call a library for this.
      bool done;
      asm volatile("lock cmpxchg16b %1"
                   : "=@ccz"(done), "+m"(*slot), "+a"(expected->block), "+d"(expected->bits)
                   : "b"(desired.block), "c"(desired.bits)
                   : "memory");
      return done;
#endif
    }
  }

  // Marks the `wanted` counters of a block and refuses those that were marked before.
  void settle(std::uint64_t block, std::uint64_t wanted, std::span<const std::uint64_t> counters,
              std::span<Verdict> verdicts) {
    Slot* const s = &slot(block);
    Words old = read(*s);
    for (;;) {
      if (Policy::kRefuseOlder && old.block > block) {
        for (Verdict& verdict : verdicts) {
          verdict = Verdict::late;
        }
        return;
      }
      const std::uint64_t before = old.block == block ? old.bits : 0;
      const std::uint64_t fresh = wanted & ~before;
      if (fresh != 0 && !swap(s, &old, {.block = block, .bits = before | wanted})) {
        continue;
      }
      if (fresh != wanted) {
        refuse_seen(Policy::kAcceptNewOnly ? fresh : wanted, counters, verdicts);
      }
      if (fresh != 0 && block > head_->top.load(std::memory_order_relaxed)) {
        head_->top.store(block, std::memory_order_relaxed);
      }
      return;
    }
  }

  static void refuse_seen(std::uint64_t fresh, std::span<const std::uint64_t> counters,
                          std::span<Verdict> verdicts) {
    for (std::size_t i = 0; i < counters.size(); ++i) {
      if ((fresh >> (counters[i] % kBlockBits) & 1) == 0) {
        verdicts[i] = Verdict::replay;
      }
    }
  }

  Slot* slots_ = nullptr;
  Head* head_ = nullptr;
  std::uint64_t mask_ = 0;
};

using ReplayWindow = BasicReplayWindow<ExactWindow>;

}  // namespace gotthard::dataplane
