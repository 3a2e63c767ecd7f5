// Control's one thread: descriptors that are ready, timers, and what is to be done once per turn.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"

namespace gotthard::control {

class Reactor {
 public:
  using Callback = std::function<void()>;

  static Result<Reactor> create();

  // `fd` stays the caller's; unwatch() before closing it. Level-triggered.
  Status watch(int fd, Callback readable);
  // Only whether it can be written without waiting, or is broken: what can be read waits.
  Status watch_writable(int fd, Callback writable);
  void unwatch(int fd);

  // Every `interval` of CLOCK_BOOTTIME, at the earliest; late turns are not made up for.
  void every(Nanoseconds interval, Callback callback);
  // After the descriptors of each turn.
  void each_turn(Callback callback);

  // Until stop().
  Status run();
  void stop() { stopping_ = true; }

 private:
  // Descriptors' numbers are used again: what epoll saw of one that was unwatched meanwhile is not
  // for the one that has its number now. `number` tells them apart.
  struct Watched {
    std::uint32_t number = 0;
    Callback readable;
    Callback writable;
  };
  struct Timer {
    Nanoseconds interval;
    Nanoseconds due;
    Callback callback;
  };
  Reactor() = default;
  Status add(int fd, std::uint32_t events, Watched watched);
  Watched* find(std::uint64_t tag);
  void run_timers();
  Status arm();

  UniqueFd epoll_;
  UniqueFd timer_;
  std::map<int, Watched> watched_;
  std::uint32_t last_number_ = 0;
  std::vector<Timer> timers_;
  std::vector<Callback> each_turn_;
  bool stopping_ = false;
};

}  // namespace gotthard::control
