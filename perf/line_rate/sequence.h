// Which of a flow's frames came in a trial. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

namespace gotthard::perf::line_rate {

struct Arrivals {
  std::uint64_t received = 0;    // each once
  std::uint64_t duplicates = 0;  // those that had come already
  std::uint64_t reordered = 0;   // behind one that was sent later (RFC 4737)
};

class Sequence {
 public:
  // Forgets all; `frames` is how many there will be at most. Memory for them is taken as they come:
  // far fewer do where more were to be sent than can be. False: there is not even room to promise.
  [[nodiscard]] bool expect(std::uint64_t frames) {
    seen_.reset(static_cast<std::uint64_t*>(std::calloc(frames / 64 + 1, sizeof(std::uint64_t))));
    frames_ = seen_ == nullptr ? 0 : frames;
    next_ = 0;
    return seen_ != nullptr;
  }

  // False: no frame of this number was to be sent.
  bool take(std::uint64_t sequence, Arrivals* arrivals) {
    if (sequence >= frames_) {
      return false;
    }
    std::uint64_t& word = seen_.get()[sequence / 64];
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
  struct Free {
    void operator()(std::uint64_t* words) const { std::free(words); }
  };
  std::unique_ptr<std::uint64_t, Free> seen_;
  std::uint64_t frames_ = 0;
  std::uint64_t next_ = 0;
};

}  // namespace gotthard::perf::line_rate
