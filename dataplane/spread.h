// One worker's part in opening together what arrives at one of them: a peer without source-port
// entropy sends all from one port, which the NIC gives to one queue. As receiver a worker hands
// bursts of sealed packets to others and sends on, in their order, what comes back; as opener it
// opens what others hand over, and gives it back. Only its thread calls it.
#pragma once

#include <cstdint>

#include "dataplane/packet.h"
#include "dataplane/table/handoff.h"
#include "dataplane/table/resequencer.h"

namespace gotthard::dataplane {

enum class SpreadPolicy : std::uint8_t {
  automatic,  // when packets wait at the queue, to workers that have none waiting
  never,
  always,  // whenever another worker has room
};

// Enough that an opener has the next when it is done with one.
using SpreadHandoff = Handoff<SpreadBatch, 4>;

class Spread {
 public:
  Spread(SpreadHandoff* handoff, std::uint32_t worker, SpreadPolicy policy,
         std::uint64_t ticks_per_second)
      : handoff_(handoff),
        worker_(worker),
        policy_(policy),
        next_(worker),
        order_(ticks_per_second / 1000000 * kPatienceUs) {}
  Spread(const Spread&) = delete;
  Spread& operator=(const Spread&) = delete;
  ~Spread();  // frees what is under way; no worker may run any more

  // Longer than any batch takes that is worked on; an opener that the machine stops for longer
  // costs order, but no packets.
  static constexpr std::uint64_t kPatienceUs = 1000;

  // The receiver. True: what was to be opened is another worker's now.
  [[nodiscard]] bool hand_over(Burst* burst, std::uint64_t now_tsc);
  // Something is away: what is opened here goes behind it by queue(), after mark().
  [[nodiscard]] bool waiting() const { return !order_.empty(); }
  static void mark(Burst* burst);
  // Takes the lanes of `to_route` from `first` on. False: there is no room, they stay.
  [[nodiscard]] bool queue(Burst* burst, std::uint32_t first, std::uint64_t now_tsc);
  void give_up_oldest() { order_.give_up_oldest(); }
  // Fills `to_route` with what may go on; the number of packets.
  std::uint32_t release(Burst* burst, std::uint64_t now_tsc);
  [[nodiscard]] std::uint64_t given_up() const { return order_.given_up(); }

  // The opener: a batch of another worker's, to be opened. Null: there is nothing.
  [[nodiscard]] SpreadBatch* next_handed() { return handoff_->take(worker_); }
  static void unpack(const SpreadBatch& batch, Burst* burst);
  // What was opened is in `to_route`. False: it came too late to be waited for, and goes on here.
  [[nodiscard]] static bool give_back(SpreadBatch* batch, Burst* burst);

  // How this worker is, for the others to see.
  void tell_backlog(bool backlogged) { handoff_->set_backlogged(worker_, backlogged); }
  void fall_asleep() { handoff_->set_asleep(worker_, true); }
  // True: it was asked to stay awake.
  [[nodiscard]] bool wake() {
    handoff_->set_asleep(worker_, false);
    return handoff_->was_called(worker_);
  }

 private:
  [[nodiscard]] bool offer(SpreadBatch* batch);

  SpreadHandoff* handoff_;
  std::uint32_t worker_;
  SpreadPolicy policy_;
  std::uint32_t next_;  // whom to ask next
  Resequencer order_;
};

}  // namespace gotthard::dataplane
