#include "control/reactor.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace gotthard::control {

Result<Reactor> Reactor::create() {
  Reactor reactor;
  reactor.epoll_ = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  reactor.timer_ = UniqueFd(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!reactor.epoll_ || !reactor.timer_) {
    return fail("cannot set up control's event loop: {}", std::strerror(errno));
  }
  if (const Status added = reactor.add(reactor.timer_.get(), EPOLLIN, {}); !added) {
    return tl::unexpected(added.error());
  }
  return reactor;
}

Status Reactor::add(int fd, std::uint32_t events, Watched watched) {
  const auto known = watched_.find(fd);
  const int operation = known != watched_.end() ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  watched.number = known != watched_.end() ? known->second.number : ++last_number_;
  epoll_event event{
      .events = events,
      .data = {.u64 = std::uint64_t{watched.number} << 32 | static_cast<std::uint32_t>(fd)}};
  if (epoll_ctl(epoll_.get(), operation, fd, &event) != 0) {
    return fail("cannot watch a descriptor: {}", std::strerror(errno));
  }
  watched_[fd] = std::move(watched);
  return {};
}

Reactor::Watched* Reactor::find(std::uint64_t tag) {
  const auto found = watched_.find(static_cast<int>(tag & 0xffff'ffff));
  return found != watched_.end() && found->second.number == tag >> 32 ? &found->second : nullptr;
}

Status Reactor::watch(int fd, Callback readable) {
  return add(fd, EPOLLIN, {.readable = std::move(readable), .writable = {}});
}

Status Reactor::watch_writable(int fd, Callback writable) {
  // EPOLLHUP and EPOLLERR come as readable.
  return add(fd, EPOLLOUT, {.readable = writable, .writable = writable});
}

void Reactor::unwatch(int fd) {
  if (watched_.erase(fd) > 0) {
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  }
}

void Reactor::every(Nanoseconds interval, Callback callback) {
  timers_.push_back(
      {.interval = interval, .due = boottime_now() + interval, .callback = std::move(callback)});
}

void Reactor::each_turn(Callback callback) { each_turn_.push_back(std::move(callback)); }

Status Reactor::arm() {
  const auto next = std::min_element(timers_.begin(), timers_.end(),
                                     [](const Timer& a, const Timer& b) { return a.due < b.due; });
  if (next == timers_.end()) {
    return {};
  }
  itimerspec when{};
  when.it_value.tv_sec = static_cast<time_t>(next->due / kSecond);
  when.it_value.tv_nsec = static_cast<long>(next->due % kSecond);
  if (timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr) != 0) {
    return fail("cannot set control's timer: {}", std::strerror(errno));
  }
  return {};
}

void Reactor::run_timers() {
  std::uint64_t expirations = 0;
  (void)!read(timer_.get(), &expirations, sizeof(expirations));
  const Nanoseconds now = boottime_now();
  for (std::size_t i = 0; i < timers_.size(); ++i) {
    if (timers_[i].due <= now) {
      timers_[i].due = now + timers_[i].interval;
      // A callback may add timers: the vector may move.
      const Callback callback = timers_[i].callback;
      callback();
    }
  }
}

Status Reactor::run() {
  std::array<epoll_event, 64> events;
  while (!stopping_) {
    if (const Status armed = arm(); !armed) {
      return armed;
    }
    const int count = epoll_wait(epoll_.get(), events.data(), events.size(), -1);
    if (count < 0 && errno != EINTR) {
      return fail("control's event loop failed: {}", std::strerror(errno));
    }
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      const std::uint64_t tag = event.data.u64;
      // A callback may unwatch any descriptor, its own too: looked up and copied each time.
      if (const Watched* found = find(tag);
          found != nullptr && found->readable && (event.events & ~EPOLLOUT) != 0) {
        const Callback readable = found->readable;
        readable();
      }
      if (const Watched* found = find(tag);
          found != nullptr && found->writable && (event.events & EPOLLOUT) != 0) {
        const Callback writable = found->writable;
        writable();
      }
    }
    run_timers();
    for (const Callback& callback : each_turn_) {
      callback();
    }
  }
  return {};
}

}  // namespace gotthard::control
