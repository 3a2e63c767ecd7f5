// What the supervisor waits for: descriptors and times. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"

namespace gotthard::supervisor {

class EventLoop {
 public:
  using Callback = std::function<void()>;

  static Result<EventLoop> make();

  // `callback` runs whenever `fd` is readable or closed, until forget(), which comes before its
  // closing.
  Status watch(int fd, Callback callback);
  void forget(int fd);

  using TimerId = std::uint64_t;
  TimerId after(Nanoseconds delay, Callback callback);
  void cancel(TimerId id);

  // Until `done` says so, asked after each event.
  Status run_until(const std::function<bool()>& done);

 private:
  explicit EventLoop(UniqueFd epoll) : epoll_(std::move(epoll)) {}
  void run_timers();

  UniqueFd epoll_;
  std::map<int, Callback> callbacks_;
  std::map<std::pair<Nanoseconds, TimerId>, Callback> timers_;
  TimerId next_timer_ = 1;
};

}  // namespace gotthard::supervisor
