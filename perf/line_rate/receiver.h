// All that comes in at a port, looked at and counted. One thread, which answers neighbours too.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>
#include <string>
#include <vector>

#include "perf/line_rate/neighbour.h"
#include "perf/line_rate/sender.h"
#include "perf/line_rate/sequence.h"
#include "perf/line_rate/trial.h"

namespace gotthard::perf::line_rate {

class Receiver {
 public:
  // `queues` of the port are received from; `answers` is where it sends.
  Receiver(const FrameFormat* format, const Neighbour* neighbour, std::size_t port,
           std::uint16_t queues, const Queue& answers);

  // `frames`: how many each flow sends, by its number. False: there is no memory for so many.
  [[nodiscard]] bool begin(TrialState* trial, const std::vector<std::uint64_t>& frames);
  // False: all has come, or nothing does any more.
  bool turn(std::uint64_t now);

  // Of a flow to this port.
  [[nodiscard]] const Arrivals& arrivals(std::uint16_t flow) const { return arrivals_[flow]; }
  // Received when sending ended, of a flow.
  [[nodiscard]] std::uint64_t in_time(std::uint16_t flow) const { return in_time_[flow]; }
  [[nodiscard]] const OtherCounts& others() const { return others_; }
  [[nodiscard]] const std::string& strange() const { return strange_; }

 private:
  static constexpr std::uint16_t kBurst = 32;

  [[nodiscard]] bool has_ended(std::uint64_t now);
  void take(rte_mbuf* mbuf);
  void note_strange(std::span<const std::byte> frame, Found found);

  const FrameFormat* format_;
  const Neighbour* neighbour_;
  std::size_t port_;
  std::uint16_t queues_;
  Queue answers_;

  TrialState* trial_ = nullptr;
  bool active_ = false;
  bool sending_ended_ = false;
  std::uint64_t last_ = 0;  // when a frame came
  std::uint64_t received_ = 0;
  // By the number of the flow.
  std::vector<Sequence> sequences_;
  std::vector<Arrivals> arrivals_;
  std::vector<std::uint64_t> in_time_;
  OtherCounts others_{};
  std::string strange_;
  std::vector<std::byte> joined_;  // room for a frame in several buffers
};

// Sends a copy; gives up when the port does not take it.
void send_copy(const Queue& queue, std::span<const std::byte> frame);

}  // namespace gotthard::perf::line_rate
