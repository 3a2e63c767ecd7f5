// Which of a flow's frames came in a trial. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace gotthard::perf::line_rate {

struct Arrivals {
  std::uint64_t received = 0;    // each once
  std::uint64_t duplicates = 0;  // those that had come already
  std::uint64_t reordered = 0;   // behind one that was sent later (RFC 4737)
};

class Sequence {
 public:
  // Forgets all; `frames` is how many there will be at most.
  void expect(std::uint64_t frames) {
    seen_.assign(frames / 64 + 1, 0);
    frames_ = frames;
    next_ = 0;
  }

  // False: no frame of this number was to be sent.
  bool take(std::uint64_t sequence, Arrivals* arrivals) {
    if (sequence >= frames_) {
      return false;
    }
    std::uint64_t& word = seen_[sequence / 64];
    const std::uint64_t bit = std::uint64_t{1} << (sequence % 64);
    if ((word & bit) != 0) {
      ++arrivals->duplicates;
      return true;
    }
    word |= bit;
    ++arrivals->received;
    if (sequence < next_) {
      ++arrivals->reordered;
    } else {
      next_ = sequence + 1;
    }
    return true;
  }

 private:
  std::vector<std::uint64_t> seen_;
  std::uint64_t frames_ = 0;
  std::uint64_t next_ = 0;
};

}  // namespace gotthard::perf::line_rate
