#include "dataplane/table/resequencer.h"

namespace gotthard::dataplane {
namespace {

constexpr std::uint64_t bit(std::uint8_t bucket) { return std::uint64_t{1} << (bucket % 64); }

}  // namespace

SpreadBatch* Resequencer::take() {
  for (std::uint32_t i = 0; i < kBatches; ++i) {
    SpreadBatch* batch = &batches_[next_free_];
    next_free_ = (next_free_ + 1) % kBatches;
    if (batch->state.load(std::memory_order_acquire) == BatchState::free) {
      return batch;
    }
  }
  return nullptr;
}

void Resequencer::push(SpreadBatch* batch, BatchState state, std::uint64_t now_ticks) {
  std::uint64_t buckets = 0;
  for (std::uint32_t i = 0; i < batch->size; ++i) {
    buckets |= bit(batch->packets[i].bucket);
  }
  batch->state.store(state, std::memory_order_release);
  place(size_++) = Place{.batch = batch, .buckets = buckets, .since = now_ticks};
}

void Resequencer::take_back(SpreadBatch* batch) {
  --size_;
  batch->free();
}

std::uint32_t Resequencer::release(std::uint64_t now_ticks,
                                   std::array<SpreadPacket, kBurst>* packets) {
  std::uint64_t blocked = 0;
  for (std::uint32_t i = 0; i < size_;) {
    Place& at = place(i);
    if ((at.buckets & ~blocked) == 0) {
      ++i;
      continue;
    }
    if (at.batch->state.load(std::memory_order_acquire) == BatchState::given) {
      if (now_ticks - at.since < patience_ticks_) {
        blocked |= at.buckets;
        ++i;
        continue;
      }
      if (give_up(i)) {
        continue;
      }
    }
    const std::uint32_t count = release_from(&at, blocked, packets);
    if (at.batch->size == 0) {
      at.batch->free();
      remove(i);
    } else {
      blocked |= at.buckets;
      ++i;
    }
    if (count > 0) {
      return count;
    }
  }
  return 0;
}

// What is blocked stays, in its order.
std::uint32_t Resequencer::release_from(Place* place, std::uint64_t blocked,
                                        std::array<SpreadPacket, kBurst>* packets) {
  SpreadBatch& batch = *place->batch;
  std::uint32_t released = 0;
  std::uint32_t kept = 0;
  place->buckets = 0;
  for (std::uint32_t i = 0; i < batch.size; ++i) {
    const SpreadPacket& packet = batch.packets[i];
    if ((bit(packet.bucket) & blocked) == 0) {
      (*packets)[released++] = packet;
    } else {
      place->buckets |= bit(packet.bucket);
      batch.packets[kept++] = packet;
    }
  }
  batch.size = kept;
  return released;
}

void Resequencer::give_up_oldest() {
  for (std::uint32_t i = 0; i < size_; ++i) {
    if (place(i).batch->state.load(std::memory_order_relaxed) == BatchState::given) {
      give_up(i);
      return;
    }
  }
}

// False: it was opened just now.
bool Resequencer::give_up(std::uint32_t i) {
  BatchState expected = BatchState::given;
  if (!place(i).batch->state.compare_exchange_strong(
          expected, BatchState::late, std::memory_order_acq_rel, std::memory_order_acquire)) {
    return false;
  }
  ++given_up_;
  remove(i);
  return true;
}

// Mostly the first.
void Resequencer::remove(std::uint32_t i) {
  for (; i > 0; --i) {
    place(i) = place(i - 1);
  }
  first_ = (first_ + 1) % kBatches;
  --size_;
}

}  // namespace gotthard::dataplane
