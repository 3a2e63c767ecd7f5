// Single-producer, single-consumer ring of fixed-size records in memory shared with another
// process. The other side is not trusted: each side keeps its own index privately, reads the
// other's once per call and refuses one that cannot be, and the consumer copies a record out before
// it looks at it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <type_traits>

namespace gotthard::abi {

inline constexpr std::size_t kCacheLine = 64;

// The shared part. `head` is written by the producer, `tail` by the consumer; both count records
// without wrapping.
template <typename T, std::size_t N>
struct RingMemory {
  static_assert(N > 0 && (N & (N - 1)) == 0 && std::is_trivially_copyable_v<T>);
  static constexpr std::size_t kCapacity = N;
  using Value = T;

  alignas(kCacheLine) std::atomic<std::uint64_t> head;
  alignas(kCacheLine) std::atomic<std::uint64_t> tail;
  alignas(kCacheLine) T slots[N];
};

// One thread of the producing process.
template <typename T, std::size_t N>
class RingProducer {
 public:
  RingProducer() = default;
  explicit RingProducer(RingMemory<T, N>* memory) : memory_(memory) {}

  // False: full, or the consumer's index is out of range.
  [[nodiscard]] bool push(const T& record) {
    const std::uint64_t tail = memory_->tail.load(std::memory_order_acquire);
    if (head_ - tail >= N) {
      return false;
    }
    std::memcpy(static_cast<void*>(&memory_->slots[head_ & (N - 1)]), &record, sizeof(T));
    ++head_;
    memory_->head.store(head_, std::memory_order_release);
    return true;
  }

  // Records that the consumer has not taken; N when its index cannot be.
  [[nodiscard]] std::size_t depth() const {
    const std::uint64_t used = head_ - memory_->tail.load(std::memory_order_relaxed);
    return used < N ? static_cast<std::size_t>(used) : N;
  }

 private:
  RingMemory<T, N>* memory_ = nullptr;
  std::uint64_t head_ = 0;
};

// One thread of the consuming process.
template <typename T, std::size_t N>
class RingConsumer {
 public:
  RingConsumer() = default;
  explicit RingConsumer(RingMemory<T, N>* memory) : memory_(memory) {}

  // Copies the oldest record to `*record`. With `wipe` the slot is zeroed before it is given back
  // (keys). False: empty, or the producer's index is out of range.
  [[nodiscard]] bool pop(T* record, bool wipe = false) {
    const std::uint64_t head = memory_->head.load(std::memory_order_acquire);
    const std::uint64_t available = head - tail_;
    if (available == 0 || available > N) {
      return false;
    }
    T* slot = &memory_->slots[tail_ & (N - 1)];
    std::memcpy(static_cast<void*>(record), slot, sizeof(T));
    if (wipe) {
      std::memset(static_cast<void*>(slot), 0, sizeof(T));
      // The stores must not be dropped as dead: another process sees this memory.
      asm volatile("" : : "r"(slot) : "memory");
    }
    ++tail_;
    memory_->tail.store(tail_, std::memory_order_release);
    return true;
  }

  // True when the producer's index is one that a correct producer cannot have written.
  [[nodiscard]] bool broken() const {
    return memory_->head.load(std::memory_order_relaxed) - tail_ > N;
  }

 private:
  RingMemory<T, N>* memory_ = nullptr;
  std::uint64_t tail_ = 0;
};

}  // namespace gotthard::abi
