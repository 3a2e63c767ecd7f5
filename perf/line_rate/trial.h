// One trial: what is to be sent, and what became of it.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "perf/line_rate/frame.h"
#include "perf/line_rate/frame_size.h"

namespace gotthard::perf::line_rate {

struct Load {
  FrameSize size;
  double rate = 0;  // frames a second, of each direction
  double seconds = 0;
  double grace = 0;  // seconds more in which what is late may still be sent
  double wait = 0;   // seconds without a frame after which none is awaited any more
};

// The flows from one port to another.
struct Direction {
  std::size_t from = 0;
  std::size_t to = 0;
  std::vector<std::uint16_t> flows;
};

// In the order of the first flow of each.
[[nodiscard]] std::vector<Direction> directions_of(const std::vector<Flow>& flows);

struct DirectionCounts {
  std::uint64_t planned = 0;
  std::uint64_t sent = 0;      // what the port took
  std::uint64_t refusals = 0;  // bursts that it took a part of at most, as it was full
  std::uint64_t received = 0;
  std::uint64_t received_in_time = 0;  // before sending ended
  std::uint64_t duplicates = 0;
  std::uint64_t reordered = 0;

  [[nodiscard]] std::uint64_t unsent() const { return planned - sent; }
  [[nodiscard]] std::uint64_t lost() const { return sent - received; }
};

// Frames that were not the trial's own, by what they were found to be.
using OtherCounts = std::array<std::uint64_t, static_cast<std::size_t>(Found::foreign) + 1>;

struct TrialCounts {
  double seconds = 0;  // from the first frame's time to when sending ended
  double behind = 0;   // seconds that the generator was late with a frame, at most
  std::vector<DirectionCounts> directions;
  OtherCounts others{};  // `ours`: of an earlier trial
  std::uint64_t flows_reached = 0;
  std::uint16_t unreached = 0;  // a flow of which nothing came, where not all were reached
  // Of the first frame that must not be (corrupt, astray, foreign); empty: there was none.
  std::string strange;

  [[nodiscard]] std::uint64_t count(Found found) const {
    return others[static_cast<std::size_t>(found)];
  }
  [[nodiscard]] DirectionCounts sum() const;
  // Of the direction that lost most: of what was to be sent, and of what was sent.
  [[nodiscard]] double loss_ratio() const;
  [[nodiscard]] double device_loss_ratio() const;
};

// What workers tell each other while a trial runs.
struct TrialState {
  std::uint16_t number = 0;
  std::uint64_t start = 0;  // of the time stamp counter, as all times here
  std::uint64_t duration = 0;
  std::uint64_t grace = 0;
  std::uint64_t wait = 0;
  FrameSize size;
  std::atomic<unsigned> sending{0};                 // senders that have not ended
  std::vector<std::atomic<std::uint64_t>> sent_to;  // by port, added when a sender ends
  std::atomic<std::uint64_t> last_sent{0};          // when the last of them ended
};

}  // namespace gotthard::perf::line_rate
