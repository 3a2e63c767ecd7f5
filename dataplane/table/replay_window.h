// The anti-replay window of a session, shared by all workers without a lock (RFC 6479's ring of
// blocks, made concurrent).
//
// Slot `block mod N` holds {number of a block of 64 counters, a bit for each of them}. There is no
// head: a slot moves forward alone, when a counter of a newer block is accepted there. Why no
// counter is ever accepted twice: a slot changes only by compare-and-swap of both words; its block
// number never falls; within a block bits are only set; and a counter is accepted by nothing else
// than the swap that turned its bit from 0 to 1. All zero is the window before the first packet.
// Comparisons only, so no edge at 2^32 or 2^64 is special.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>

namespace gotthard::dataplane {

// What makes the window exact, each to be switched off by a test that must then see it fail.
struct ExactWindow {
  static constexpr bool kAtomicSwap = true;       // compare and swap in one
  static constexpr bool kRefuseOlder = true;      // a slot that moved on does not move back
  static constexpr bool kBlockBeforeBits = true;  // order of the two reads
  static constexpr bool kAcceptNewOnly = true;    // what the swap set, not what it was asked to set
  static constexpr bool kCheckBurst = true;       // duplicates within one run
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

  // Bytes for a window of `packets` counters (rounded up to a power of two of at least 1,024);
  // cache-line aligned, zeroed by the caller.
  [[nodiscard]] static constexpr std::size_t memory_size(std::uint32_t packets) {
    return sizeof(Head) + slot_count(packets) * sizeof(Slot);
  }

  // Before publication. The memory outlives the window and is not owned.
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

  // After authentication, in any order of counters: the verdict. One swap per run of counters of
  // one block. Any worker.
  void commit(std::span<const std::uint64_t> counters, std::span<Verdict> verdicts) {
    std::size_t first = 0;
    std::uint64_t greatest = 0;
    while (first < counters.size()) {
      const std::uint64_t block = counters[first] / kBlockBits;
      std::size_t end = first;
      std::uint64_t wanted = 0;
      for (; end < counters.size() && counters[end] / kBlockBits == block; ++end) {
        const std::uint64_t bit = std::uint64_t{1} << (counters[end] % kBlockBits);
        const bool twice = Policy::kCheckBurst && (wanted & bit) != 0;
        verdicts[end] = twice ? Verdict::replay : Verdict::accept;
        wanted |= bit;
        greatest = counters[end] > greatest ? counters[end] : greatest;
      }
      settle(block, wanted, counters.subspan(first, end - first),
             verdicts.subspan(first, end - first));
      first = end;
    }
    if (greatest > head_->greatest.load(std::memory_order_relaxed)) {
      head_->greatest.store(greatest, std::memory_order_relaxed);
    }
  }

  // About the greatest counter accepted: racing workers may leave it a little behind. For people,
  // and for guesses whose error authentication catches.
  [[nodiscard]] std::uint64_t greatest() const {
    return head_->greatest.load(std::memory_order_relaxed);
  }

 private:
  static constexpr std::uint64_t kBlockBits = 64;

  struct alignas(16) Slot {
    std::atomic<std::uint64_t> block{0};
    std::atomic<std::uint64_t> bits{0};
  };
  static_assert(sizeof(Slot) == 16);
  struct alignas(64) Head {
    std::atomic<std::uint64_t> greatest{0};
  };
  struct Words {
    std::uint64_t block;
    std::uint64_t bits;
  };

  [[nodiscard]] static constexpr std::size_t slot_count(std::uint32_t packets) {
    return std::bit_ceil((packets < 1024 ? 1024U : packets) / static_cast<unsigned>(kBlockBits));
  }
  [[nodiscard]] Slot& slot(std::uint64_t block) const { return slots_[block & mask_]; }

  // The block first: bits read after it are at least as new, so a stale pair can only look older
  // than it is, which the swap then finds out.
  [[nodiscard]] static Words read(const Slot& slot) {
    if constexpr (Policy::kBlockBeforeBits) {
      const std::uint64_t block = slot.block.load(std::memory_order_acquire);
      return {.block = block, .bits = slot.bits.load(std::memory_order_relaxed)};
    } else {
      const std::uint64_t bits = slot.bits.load(std::memory_order_acquire);
      std::atomic_signal_fence(std::memory_order_seq_cst);
      return {.block = slot.block.load(std::memory_order_relaxed), .bits = bits};
    }
  }

  // Both words at once; false when either is not as expected any more, which is then in `expected`.
  static bool swap(Slot* slot, Words* expected, Words desired) {
    if constexpr (!Policy::kAtomicSwap) {
      const Words now = read(*slot);
      if (now.block != expected->block || now.bits != expected->bits) {
        *expected = now;
        return false;
      }
      slot->block.store(desired.block, std::memory_order_relaxed);
      slot->bits.store(desired.bits, std::memory_order_relaxed);
      return true;
    }
#if defined(__SANITIZE_THREAD__)
    // ThreadSanitizer does not see inside inline assembly.
    unsigned __int128 old =
        expected->block | (static_cast<unsigned __int128>(expected->bits) << 64);
    const unsigned __int128 next =
        desired.block | (static_cast<unsigned __int128>(desired.bits) << 64);
    const bool done = __atomic_compare_exchange_n(reinterpret_cast<unsigned __int128*>(slot), &old,
                                                  next, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    *expected = {.block = static_cast<std::uint64_t>(old),
                 .bits = static_cast<std::uint64_t>(old >> 64)};
    return done;
#else
    // g++ would call libatomic for this.
    bool done;
    asm volatile("lock cmpxchg16b %1"
                 : "=@ccz"(done), "+m"(*slot), "+a"(expected->block), "+d"(expected->bits)
                 : "b"(desired.block), "c"(desired.bits)
                 : "memory");
    return done;
#endif
  }

  void settle(std::uint64_t block, std::uint64_t wanted, std::span<const std::uint64_t> counters,
              std::span<Verdict> verdicts) {
    Slot* s = &slot(block);
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
      if (fresh != 0) {
        if (!swap(s, &old, {.block = block, .bits = before | wanted})) {
          continue;
        }
      }
      refuse_seen(Policy::kAcceptNewOnly ? fresh : wanted, counters, verdicts);
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
