#include "tools/supervisor/event_loop.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace gotthard::supervisor {

Result<EventLoop> EventLoop::make() {
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) {
    return fail("cannot make an epoll instance: {}", std::strerror(errno));
  }
  return EventLoop(std::move(epoll));
}

Status EventLoop::watch(int fd, Callback callback) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return fail("cannot watch a descriptor: {}", std::strerror(errno));
  }
  callbacks_[fd] = std::move(callback);
  return {};
}

void EventLoop::forget(int fd) {
  if (callbacks_.erase(fd) > 0) {
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  }
}

EventLoop::TimerId EventLoop::after(Nanoseconds delay, Callback callback) {
  const TimerId id = next_timer_++;
  timers_[{boottime_now() + delay, id}] = std::move(callback);
  return id;
}

void EventLoop::cancel(TimerId id) {
  std::erase_if(timers_, [id](const auto& timer) { return timer.first.second == id; });
}

void EventLoop::run_timers() {
  while (!timers_.empty() && timers_.begin()->first.first <= boottime_now()) {
    const Callback callback = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    callback();
  }
}

Status EventLoop::run_until(const std::function<bool()>& done) {
  while (!done()) {
    int timeout = -1;
    if (!timers_.empty()) {
      const Nanoseconds now = boottime_now();
      const Nanoseconds due = timers_.begin()->first.first;
      timeout = due <= now ? 0 : static_cast<int>((due - now) / kMillisecond + 1);
    }
    // One at a time: a callback may forget other descriptors.
    epoll_event event{};
    const int count = epoll_wait(epoll_.get(), &event, 1, timeout);
    if (count < 0 && errno != EINTR) {
      return fail("cannot wait for events: {}", std::strerror(errno));
    }
    if (count > 0) {
      if (const auto found = callbacks_.find(event.data.fd); found != callbacks_.end()) {
        const Callback callback = found->second;  // it may forget itself
        callback();
      }
    }
    run_timers();
  }
  return {};
}

}  // namespace gotthard::supervisor
