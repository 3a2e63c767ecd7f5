#include "perf/line_rate/sender.h"

#include <rte_ethdev.h>

#include <algorithm>

namespace gotthard::perf::line_rate {
namespace {

constexpr double kCatchUp = 4;

}  // namespace

Sender::Sender(const FrameFormat* format, std::size_t direction, std::vector<std::uint16_t> flows,
               const Queue& queue)
    : format_(format),
      direction_(direction),
      flows_(std::move(flows)),
      queue_(queue),
      port_to_(format->flows()[flows_.front()].to) {}

void Sender::begin(TrialState* trial, std::uint64_t frames) {
  trial_ = trial;
  active_ = true;
  frames_ = frames;
  interval_ = static_cast<double>(trial->duration) /
              static_cast<double>(std::max<std::uint64_t>(1, frames));
  made_ = sent_ = refusals_ = behind_ = 0;
  not_before_ = trial->start;
  turn_ = 0;
  sequence_ = 0;
}

// Frames whose time has come.
std::uint64_t Sender::due(std::uint64_t now) const {
  if (now <= trial_->start) {
    return 0;
  }
  const double frames = static_cast<double>(now - trial_->start) / interval_;
  return std::min(frames_, static_cast<std::uint64_t>(frames) + 1);
}

bool Sender::turn(std::uint64_t now) {
  if (!active_) {
    return false;
  }
  if (first_held_ == end_held_) {
    make(now);
  }
  if (first_held_ < end_held_) {
    const std::uint16_t taken =
        rte_eth_tx_burst(queue_.ethdev, queue_.queue, &held_[first_held_],
                         static_cast<std::uint16_t>(end_held_ - first_held_));
    first_held_ = static_cast<std::uint16_t>(first_held_ + taken);
    sent_ += taken;
    refusals_ += first_held_ < end_held_ ? 1 : 0;
  }
  if (sent_ == frames_ || now > trial_->start + trial_->duration + trial_->grace) {
    end(now);
  }
  return active_;
}

// After a pause, as on a machine that others use too, it catches up, at no more than kCatchUp times
// the pace: a pause of the generator must not become a flood that the device loses from.
void Sender::make(std::uint64_t now) {
  const std::uint64_t wanted = due(now);
  if (wanted <= made_ || now < not_before_) {
    return;
  }
  const auto late = static_cast<std::uint64_t>(static_cast<double>(wanted - made_ - 1) * interval_);
  behind_ = std::max(behind_, late);
  const auto count = static_cast<std::uint16_t>(std::min<std::uint64_t>(wanted - made_, kBurst));
  if (rte_pktmbuf_alloc_bulk(queue_.pool, held_.data(), count) != 0) {
    return;  // all are under way: later
  }
  for (std::uint16_t i = 0; i < count; ++i) {
    const std::size_t length = trial_->size.at(sequence_ + turn_) - kFrameCheck;
    rte_mbuf* mbuf = held_[i];
    mbuf->data_len = static_cast<std::uint16_t>(length);
    mbuf->pkt_len = static_cast<std::uint32_t>(length);
    format_->write(rte_pktmbuf_mtod(mbuf, std::byte*),
                   {.trial = trial_->number, .flow = flows_[turn_], .sequence = sequence_}, length);
    if (++turn_ == flows_.size()) {
      turn_ = 0;
      ++sequence_;
    }
  }
  made_ += count;
  first_held_ = 0;
  end_held_ = count;
  not_before_ = now + static_cast<std::uint64_t>(count * interval_ / kCatchUp);
}

void Sender::end(std::uint64_t now) {
  if (first_held_ < end_held_) {
    rte_pktmbuf_free_bulk(&held_[first_held_], static_cast<unsigned>(end_held_ - first_held_));
  }
  first_held_ = end_held_ = 0;
  active_ = false;
  std::uint64_t last = trial_->last_sent.load(std::memory_order_relaxed);
  while (last < now &&
         !trial_->last_sent.compare_exchange_weak(last, now, std::memory_order_relaxed)) {
  }
  trial_->sent_to[port_to_].fetch_add(sent_, std::memory_order_relaxed);
  // After what receivers read when all have ended.
  trial_->sending.fetch_sub(1, std::memory_order_release);
}

}  // namespace gotthard::perf::line_rate
