#include "tools/supervisor/gateway.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/socket.h"
#include "dataplane/abi/channel.h"
#include "tools/supervisor/gateway_channel.h"

namespace gotthard::supervisor {
namespace {

constexpr Nanoseconds kStartTime = 60 * kSecond;  // hugepages are zeroed, links come up
constexpr Nanoseconds kStopTime = 5 * kSecond;
constexpr timeval kSendTime{5, 0};

}  // namespace

Result<std::pair<UniqueFd, UniqueFd>> child_channel() {
  auto pair = seqpacket_pair();
  if (pair &&
      setsockopt(pair->first.get(), SOL_SOCKET, SO_SNDTIMEO, &kSendTime, sizeof(kSendTime)) != 0) {
    return fail("cannot limit the time of sending: {}", std::strerror(errno));
  }
  return pair;
}

Gateway::Gateway(const Programs& programs, Host& host, HugepagePool& memory, Parts parts)
    : programs_(programs),
      host_(host),
      memory_(memory),
      hugepages_(parts.hugepages),
      listener_(std::move(parts.listener)),
      uapi_(std::move(parts.uapi)),
      checkpoint_(std::move(parts.checkpoint)),
      loop_(std::move(parts.loop)),
      links_(std::move(parts.links)),
      lab_keys_(std::move(parts.lab_keys)),
      take_lab_keys_(std::move(parts.take_lab_keys)),
      resolver_(loop_, programs.users.resolver),
      requests_(
          host, resolver_, [this](const broker::Notice& notice) { send_to_control(notice); },
          [this] { on_control_ready(); }),
      reload_(std::move(parts.plan), reload_links(std::move(parts.read_again))) {}

Reload::Links Gateway::reload_links(std::function<Result<Plan>()> read_again) {
  return {.loop = &loop_,
          .read = std::move(read_again),
          .control_ready = [this] { return control_.ready && !stopping_; },
          .give = [this](const Plan& plan, std::uint64_t id,
                         broker::ReloadMode mode) { return give_to_control(plan, id, mode); },
          .follow = [this](const Plan& plan) { return host_.follow(plan.config); },
          .answer = [this](const broker::Notice& notice) { send_to_control(notice); },
          .restart_control = [this] { send_signal(control_.process, SIGTERM); }};
}

Status Gateway::run(const std::function<void()>& on_ready) {
  on_ready_ = on_ready;
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGHUP);
  signals_ = UniqueFd(signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) {
    return fail("cannot receive signals: {}", std::strerror(errno));
  }
  Status watched = loop_.watch(signals_.get(), [this] { on_signal(); });
  watched = watched ? loop_.watch(links_.fd(),
                                  [this] {
                                    links_.read([this](int index) {
                                      const auto& tunnels = host_.tunnels();
                                      for (std::size_t i = 0; i < tunnels.size(); ++i) {
                                        if (tunnels[i].index == index) {
                                          host_.refresh_tunnel(i);
                                        }
                                      }
                                    });
                                  })
                    : watched;
  if (!watched) {
    return watched;
  }
  start_dataplane();
  if (auto ran =
          loop_.run_until([this] { return stopping_ && !dataplane_.process && !control_.process; });
      !ran) {
    return ran;
  }
  return result_;
}

Status Gateway::watch(Child& child, void (Gateway::*on_exit)(), void (Gateway::*on_message)()) {
  child.ready = false;
  child.deadline = loop_.after(kStartTime, [&child] {
    log::event(log::Level::error, kSubsystem, "start_timeout", {{"pid", child.process.pid}});
    send_signal(child.process, SIGKILL);
  });
  Status watched = loop_.watch(child.process.pidfd.get(), [this, on_exit] { (this->*on_exit)(); });
  watched = watched ? loop_.watch(child.socket.get(), [this, on_message] { (this->*on_message)(); })
                    : watched;
  if (!watched) {
    send_signal(child.process, SIGKILL);
    waitpid(child.process.pid, nullptr, 0);
    drop(child);
  }
  return watched;
}

void Gateway::drop(Child& child) {
  loop_.cancel(child.deadline);
  loop_.forget(child.process.pidfd.get());
  loop_.forget(child.socket.get());
  child.process = Process{};
  child.socket.reset();
  child.ready = false;
}

void Gateway::start_again(Child& child, std::string_view name, const std::string& end,
                          void (Gateway::*start)()) {
  const auto level = stopping_ ? log::Level::info : log::Level::error;
  log::event(level, kSubsystem, "child_ended", {{"child", name}, {"end", end}});
  if (stopping_) {
    stop_children();
    return;
  }
  if (!was_ready_) {
    stop(fail("gotthard-{} ended before it was ready ({})", name, end));
    return;
  }
  const auto pause = child.restarts.after_death(boottime_now());
  if (!pause) {
    stop(fail("gotthard-{} died more than {} times within a minute: giving up", name,
              RestartPolicy::kMostPerMinute));
    return;
  }
  sd_notifyf(0, "STATUS=gotthard-%.*s died (%s), starting it again", static_cast<int>(name.size()),
             name.data(), end.c_str());
  loop_.after(*pause, [this, start] { (this->*start)(); });
}

void Gateway::announce_ready() {
  if (!dataplane_.ready || !control_.ready) {
    return;
  }
  sd_notify(0, "READY=1\nSTATUS=forwarding");
  if (!was_ready_) {
    was_ready_ = true;
    host_.stay_closed();
    log::event(log::Level::info, kSubsystem, "ready",
               {{"configuration", plan().path}, {"memory", hugepages_ ? "hugepages" : "pages"}});
    on_ready_();
  }
}

void Gateway::on_signal() {
  signalfd_siginfo info{};
  if (read(signals_.get(), &info, sizeof(info)) != static_cast<ssize_t>(sizeof(info))) {
    return;
  }
  if (stopping_ && info.ssi_signo != SIGHUP) {  // impatience: the host is put back all the same
    send_signal(control_.process, SIGKILL);
    send_signal(dataplane_.process, SIGKILL);
    return;
  }
  if (info.ssi_signo == SIGHUP) {
    reload_.on_hangup();
    return;
  }
  log::event(log::Level::info, kSubsystem, "stopping",
             {{"signal", strsignal(static_cast<int>(info.ssi_signo))}});
  stop({});
}

void Gateway::stop(Status why) {
  if (stopping_) {
    return;
  }
  stopping_ = true;
  result_ = std::move(why);
  sd_notify(0, "STOPPING=1\nSTATUS=going down");
  resolver_.forget_all();
  stop_children();
}

// Control first: nothing new is asked of a data plane that goes.
void Gateway::stop_children() {
  if (control_.process) {
    send_signal(control_.process, SIGTERM);
    loop_.after(kStopTime, [this] { send_signal(control_.process, SIGKILL); });
  } else if (dataplane_.process) {
    if (dataplane_.ready) {
      (void)send_message(dataplane_.socket.get(), bytes_of(abi::HostMessage{}));
    } else {
      send_signal(dataplane_.process, SIGTERM);
    }
    loop_.after(kStopTime, [this] { send_signal(dataplane_.process, SIGKILL); });
  }
}

}  // namespace gotthard::supervisor
