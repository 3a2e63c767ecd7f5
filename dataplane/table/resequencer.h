// The order of what one worker received and others open for it. Batches leave as they came, peer by
// peer, whichever is opened first.
//
// Order is that of arrival, not of counters: each batch comes back, opened or with packets fewer,
// so what the network lost holds up nobody; and a session whose counters arrive at several queues
// (source-port entropy) has an order in each of them, without gaps. One thread alone, the
// receiver's, releases: its queue of the port is the only one that keeps order on the wire, too.
// Peers are told apart by one of 64 buckets; those which share one wait for each other.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "dataplane/packet.h"

namespace gotthard::dataplane {

struct SpreadPacket {
  rte_mbuf* mbuf = nullptr;
  std::uint32_t peer = 0;  // once opened
  std::uint16_t length = 0;
  std::uint16_t ip_offset = 0;   // from the beginning of the buffer's data
  std::uint16_t udp_offset = 0;  // from the IP header, until opened
  std::uint16_t esp_offset = 0;  // likewise; 0: not ESP
  std::uint16_t port = 0;
  std::uint16_t interface = 0;
  Family family = Family::none;
  std::uint8_t bucket = 0;
};

enum class BatchState : std::uint8_t {
  free,    // the receiver's
  given,   // the opener's
  opened,  // the receiver's again
  late,    // was waited for too long: the opener's for good, until it is free
};

struct alignas(64) SpreadBatch {
  // free -> given or opened, given -> late, opened -> free: the receiver; given -> opened, late ->
  // free: the opener. Whose it is may write the rest.
  std::atomic<BatchState> state{BatchState::free};
  std::uint32_t size = 0;
  std::array<SpreadPacket, kBurst> packets;

  // The opener, done with it. False: nobody waits any more, and it is to be freed.
  [[nodiscard]] bool give_back() {
    BatchState expected = BatchState::given;
    return state.compare_exchange_strong(expected, BatchState::opened, std::memory_order_acq_rel,
                                         std::memory_order_acquire);
  }
  void free() { state.store(BatchState::free, std::memory_order_release); }
};

class Resequencer {
 public:
  static constexpr std::uint32_t kBatches = 64;
  // Half of them at most are away: the rest is for what the receiver opens meanwhile.
  static constexpr std::uint32_t kAway = kBatches / 2;

  // After `patience_ticks` an opener that was stopped in its work is not waited for any more.
  explicit Resequencer(std::uint64_t patience_ticks) : patience_ticks_(patience_ticks) {}

  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::uint32_t size() const { return size_; }

  // One to fill; null: none is free. It stays free until push().
  [[nodiscard]] SpreadBatch* take();
  // The next in order, filled; BatchState::given before the opener learns of it, or ::opened.
  void push(SpreadBatch* batch, BatchState state, std::uint64_t now_ticks);
  // Undoes the push of a `given` batch that nobody took: it was the last.
  void take_back(SpreadBatch* batch);

  // Packets of one batch that nothing has to go before; the number, 0 when all have to wait.
  [[nodiscard]] std::uint32_t release(std::uint64_t now_ticks,
                                      std::array<SpreadPacket, kBurst>* packets);
  // The first that is not opened is not waited for.
  void give_up_oldest();
  // Batches that were given up.
  [[nodiscard]] std::uint64_t given_up() const { return given_up_; }

  // All packets that are in batches, whosever: when no thread runs any more.
  template <typename Function>
  void for_each_left(Function&& function) {
    for (SpreadBatch& batch : batches_) {
      if (batch.state.load(std::memory_order_acquire) == BatchState::free) {
        continue;
      }
      for (std::uint32_t i = 0; i < batch.size; ++i) {
        function(batch.packets[i].mbuf);
      }
    }
  }

 private:
  struct Place {
    SpreadBatch* batch = nullptr;
    std::uint64_t buckets = 0;  // that it may have packets of
    std::uint64_t since = 0;
  };

  [[nodiscard]] Place& place(std::uint32_t i) { return order_[(first_ + i) % kBatches]; }
  void remove(std::uint32_t i);
  bool give_up(std::uint32_t i);
  static std::uint32_t release_from(Place* place, std::uint64_t blocked,
                                    std::array<SpreadPacket, kBurst>* packets);

  std::uint64_t patience_ticks_;
  std::uint64_t given_up_ = 0;
  std::uint32_t first_ = 0;
  std::uint32_t size_ = 0;
  std::uint32_t next_free_ = 0;
  std::array<Place, kBatches> order_;
  std::array<SpreadBatch, kBatches> batches_;
};

}  // namespace gotthard::dataplane
