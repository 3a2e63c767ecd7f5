// Which intervals of a run a disturbance of the core had a hand in.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gotthard::perf::latency {

class Watch {
 public:
  // A probe up to `quiet` ticks is what the core alone comes to; a turn with n packets up to
  // `turn` + n * `packet` what the worker does.
  Watch(std::uint64_t quiet, std::uint64_t turn, std::uint64_t packet)
      : quiet_(quiet), turn_(turn), packet_(packet) {}

  // A turn is over; `idle`: nothing waits that came before it.
  void turn(std::uint64_t ticks, std::size_t packets, bool idle) {
    if (ticks > turn_ + packets * packet_) {
      stolen_ = true;
      behind_ = true;
    } else if (idle) {
      behind_ = false;
    }
  }

  // An interval is over; the longer of the probes around it. What a disturbance holds up is its
  // doing until the worker has caught up, in whatever interval that is.
  struct Verdict {
    bool disturbed = false;
    bool stolen = false;  // in it somebody else had the CPU
  };
  Verdict end(std::uint64_t probe) {
    const bool slow = probe > quiet_;
    const Verdict verdict{.disturbed = stolen_ || slow || began_behind_, .stolen = stolen_};
    behind_ |= slow;
    began_behind_ = behind_;
    stolen_ = false;
    return verdict;
  }

 private:
  std::uint64_t quiet_;
  std::uint64_t turn_;
  std::uint64_t packet_;
  bool stolen_ = false;
  bool behind_ = false;
  bool began_behind_ = false;
};

}  // namespace gotthard::perf::latency
