// A worker's part of a direction: it sends the frames of some flows at an even pace. One thread.
#pragma once

#include <rte_mbuf.h>

#include <array>
#include <cstdint>
#include <vector>

#include "perf/line_rate/trial.h"

namespace gotthard::perf::line_rate {

// Where a worker sends.
struct Queue {
  std::uint16_t ethdev = 0;
  std::uint16_t queue = 0;
  rte_mempool* pool = nullptr;
};

class Sender {
 public:
  // `direction`: its number. Flows are of it.
  Sender(const FrameFormat* format, std::size_t direction, std::vector<std::uint16_t> flows,
         const Queue& queue);
  Sender(Sender&& other) noexcept = default;

  [[nodiscard]] std::size_t direction() const { return direction_; }
  [[nodiscard]] const std::vector<std::uint16_t>& flows() const { return flows_; }

  // `frames`: of all its flows together, dealt out to them in turns.
  void begin(TrialState* trial, std::uint64_t frames);
  // One burst at most; false: it has ended.
  bool turn(std::uint64_t now);

  [[nodiscard]] std::uint64_t sent() const { return sent_; }
  [[nodiscard]] std::uint64_t refusals() const { return refusals_; }
  // Cycles that it was late with a frame, at most.
  [[nodiscard]] std::uint64_t behind() const { return behind_; }

 private:
  static constexpr std::uint16_t kBurst = 32;

  [[nodiscard]] std::uint64_t due(std::uint64_t now) const;
  void make(std::uint64_t now);
  void end(std::uint64_t now);

  const FrameFormat* format_;
  std::size_t direction_;
  std::vector<std::uint16_t> flows_;
  Queue queue_;
  std::size_t port_to_;

  TrialState* trial_ = nullptr;
  bool active_ = false;
  std::uint64_t frames_ = 0;
  double interval_ = 0;  // cycles from frame to frame
  std::uint64_t made_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t refusals_ = 0;
  std::uint64_t behind_ = 0;
  std::uint64_t not_before_ = 0;  // of the next burst
  // The next frame: of this flow, with this number.
  std::size_t turn_ = 0;
  std::uint64_t sequence_ = 0;
  // Made, and not taken by the port yet.
  std::array<rte_mbuf*, kBurst> held_{};
  std::uint16_t first_held_ = 0;
  std::uint16_t end_held_ = 0;
};

}  // namespace gotthard::perf::line_rate
