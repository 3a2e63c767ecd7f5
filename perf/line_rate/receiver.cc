#include "perf/line_rate/receiver.h"

#include <fmt/format.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace gotthard::perf::line_rate {

Receiver::Receiver(const FrameFormat* format, const Neighbour* neighbour, std::size_t port,
                   std::uint16_t queues, const Queue& answers)
    : format_(format),
      neighbour_(neighbour),
      port_(port),
      queues_(queues),
      answers_(answers),
      sequences_(format->flows().size()),
      arrivals_(format->flows().size()),
      in_time_(format->flows().size()),
      joined_(UINT16_MAX) {}

bool Receiver::begin(TrialState* trial, const std::vector<std::uint64_t>& frames) {
  trial_ = trial;
  active_ = true;
  sending_ended_ = false;
  last_ = received_ = 0;
  others_ = {};
  strange_.clear();
  for (std::size_t i = 0; i < frames.size(); ++i) {
    arrivals_[i] = {};
    in_time_[i] = 0;
    if (format_->flows()[i].to == port_ && !sequences_[i].expect(frames[i])) {
      return false;
    }
  }
  return true;
}

bool Receiver::turn(std::uint64_t now) {
  if (!active_) {
    return false;
  }
  std::array<rte_mbuf*, kBurst> mbufs;
  for (std::uint16_t queue = 0; queue < queues_; ++queue) {
    const std::uint16_t count = rte_eth_rx_burst(answers_.ethdev, queue, mbufs.data(), kBurst);
    for (std::uint16_t i = 0; i < count; ++i) {
      take(mbufs[i]);
    }
    if (count > 0) {
      rte_pktmbuf_free_bulk(mbufs.data(), count);
      last_ = now;
    }
  }
  active_ = !has_ended(now);
  return active_;
}

bool Receiver::has_ended(std::uint64_t now) {
  if (trial_->sending.load(std::memory_order_acquire) > 0) {
    return false;
  }
  if (!sending_ended_) {
    sending_ended_ = true;
    last_ = now;
    for (std::size_t i = 0; i < arrivals_.size(); ++i) {
      in_time_[i] = arrivals_[i].received;
    }
  }
  return received_ >= trial_->sent_to[port_].load(std::memory_order_relaxed) ||
         now > last_ + trial_->wait;
}

void Receiver::take(rte_mbuf* mbuf) {
  const std::uint32_t length = std::min<std::uint32_t>(mbuf->pkt_len, UINT16_MAX);
  const void* bytes = rte_pktmbuf_read(mbuf, 0, length, joined_.data());
  if (bytes == nullptr) {
    return;
  }
  const std::span frame(static_cast<const std::byte*>(bytes), length);
  const Finding finding = format_->find(frame, port_);
  Found found = finding.found;
  if (found == Found::ours && finding.numbers.trial == trial_->number) {
    const std::uint16_t flow = finding.numbers.flow;
    const std::uint64_t before = arrivals_[flow].received;
    if (sequences_[flow].take(finding.numbers.sequence, &arrivals_[flow])) {
      received_ += arrivals_[flow].received - before;
      return;
    }
    found = Found::foreign;  // it says that it is ours, and was not sent
  }
  ++others_[static_cast<std::size_t>(found)];
  if (found == Found::neighbour) {
    if (const auto answer = neighbour_->answer(frame)) {
      send_copy(answers_, *answer);
    }
  } else if (found >= Found::corrupt && strange_.empty()) {
    note_strange(frame, found);
  }
}

void Receiver::note_strange(std::span<const std::byte> frame, Found found) {
  constexpr std::size_t kShown = 96;
  strange_ = fmt::format("{} frame of {} bytes:", name_of(found), frame.size());
  for (std::size_t i = 0; i < std::min(kShown, frame.size()); ++i) {
    strange_ += fmt::format("{}{:02x}", i % 16 == 0 ? "\n    " : " ", static_cast<int>(frame[i]));
  }
}

void send_copy(const Queue& queue, std::span<const std::byte> frame) {
  rte_mbuf* mbuf = rte_pktmbuf_alloc(queue.pool);
  if (mbuf == nullptr) {
    return;
  }
  std::byte* room = reinterpret_cast<std::byte*>(
      rte_pktmbuf_append(mbuf, static_cast<std::uint16_t>(frame.size())));
  if (room == nullptr) {
    rte_pktmbuf_free(mbuf);
    return;
  }
  std::memcpy(room, frame.data(), frame.size());
  if (rte_eth_tx_burst(queue.ethdev, queue.queue, &mbuf, 1) == 0) {
    rte_pktmbuf_free(mbuf);
  }
}

}  // namespace gotthard::perf::line_rate
