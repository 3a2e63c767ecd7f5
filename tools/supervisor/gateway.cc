#include "tools/supervisor/gateway.h"

#include <linux/netlink.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "base/socket.h"
#include "dataplane/abi/channel.h"
#include "tools/supervisor/arguments.h"

namespace gotthard::supervisor {
namespace {

constexpr auto kSubsystem = log::Subsystem::supervisor;
constexpr Nanoseconds kStartTime = 60 * kSecond;  // hugepages are zeroed, links come up
constexpr Nanoseconds kStopTime = 5 * kSecond;
// A child that does not read its socket for so long hangs.
constexpr timeval kSendTime{5, 0};
// Route changes come in floods; what overruns costs control a full dump.
constexpr int kNetlinkBuffer = 8 << 20;

template <typename Message>
std::span<const std::byte> bytes_of(const Message& message) {
  return std::as_bytes(std::span(&message, 1));
}

// Our end and the child's.
Result<std::pair<UniqueFd, UniqueFd>> channel() {
  auto pair = seqpacket_pair();
  if (pair &&
      setsockopt(pair->first.get(), SOL_SOCKET, SO_SNDTIMEO, &kSendTime, sizeof(kSendTime)) != 0) {
    return fail("cannot limit the time of sending: {}", std::strerror(errno));
  }
  return pair;
}

// For control to follow the kernel with; without capabilities it cannot change anything by it.
Result<UniqueFd> netlink_socket() {
  UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd) {
    return fail("cannot make a netlink socket: {}", std::strerror(errno));
  }
  (void)setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kNetlinkBuffer, sizeof(kNetlinkBuffer));
  return fd;
}

}  // namespace

Gateway::Gateway(const Plan& plan, Host& host, HugepagePool& memory, bool hugepages,
                 UniqueFd listener, UniqueFd checkpoint, EventLoop loop, LinkMonitor links)
    : plan_(plan),
      host_(host),
      memory_(memory),
      hugepages_(hugepages),
      listener_(std::move(listener)),
      checkpoint_(std::move(checkpoint)),
      loop_(std::move(loop)),
      links_(std::move(links)),
      resolver_(loop_, plan.user),
      requests_(
          host, resolver_, [this](const broker::Notice& notice) { send_to_control(notice); },
          [this] { on_control_ready(); }) {}

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

// ---------------------------------------------------------------- data plane

void Gateway::start_dataplane() {
  if (stopping_) {
    return;
  }
  if (auto started = spawn_dataplane(); !started) {
    stop(started);
  }
}

Status Gateway::spawn_dataplane() {
  auto pair = channel();
  if (!pair) {
    return tl::unexpected(pair.error());
  }
  DataplaneArguments arguments{.program = plan_.dataplane_program,
                               .instance_name = plan_.instance_name,
                               .hugepages = hugepages_,
                               .supervisor_fd = pair->second.get()};
  std::vector<int> keep{arguments.supervisor_fd};
  for (const Host::Device& twin : host_.twins()) {
    arguments.twin_fds.push_back(twin.fd.get());
    keep.push_back(twin.fd.get());
  }
  for (const Host::Device& tunnel : host_.tunnels()) {
    arguments.tunnel_fds.push_back(tunnel.fd.get());
    keep.push_back(tunnel.fd.get());
  }
  auto process = spawn(dataplane_argv(plan_.config, arguments), keep,
                       [this] { return limit_to(dataplane_capabilities(plan_.config)); });
  if (!process) {
    return tl::unexpected(process.error());
  }
  dataplane_.process = std::move(*process);
  dataplane_.socket = std::move(pair->first);
  log::event(log::Level::info, kSubsystem, "dataplane_started", {{"pid", dataplane_.process.pid}});
  return watch(dataplane_, &Gateway::on_dataplane_exit, &Gateway::on_dataplane_message);
}

void Gateway::on_dataplane_message() {
  bool closed = false;
  const auto message =
      receive_message(dataplane_.socket.get(), sizeof(abi::HostReply), false, &closed);
  if (!message || closed) {
    loop_.forget(dataplane_.socket.get());  // its end is told by its pidfd
    return;
  }
  abi::HostReply reply;
  if (!*message || (*message)->bytes.size() != sizeof(reply)) {
    return;
  }
  std::memcpy(&reply, (*message)->bytes.data(), sizeof(reply));
  reply.text.back() = '\0';
  if (reply.version != abi::kVersion) {
    stop(fail("gotthard-dataplane is of another version: install all programs together"));
  } else if (reply.type == abi::HostReplyType::failed) {
    stop(fail("the data plane cannot start: {}", reply.text.data()));
  } else if (reply.type == abi::HostReplyType::ready && !dataplane_.ready) {
    on_dataplane_ready({reply.macs.begin(), reply.macs.end()});
  }
}

void Gateway::on_dataplane_ready(const std::vector<MacAddress>& macs) {
  loop_.cancel(dataplane_.deadline);
  dataplane_.ready = true;
  memory_.unlock();
  log::event(log::Level::info, kSubsystem, "dataplane_ready");
  if (auto up = host_.bring_up_twins(macs); !up) {
    stop(up);
    return;
  }
  if (stopping_) {
    return;
  }
  if (!control_.process) {
    start_control();
    return;
  }
  UniqueFd control_end;
  if (!attach(&control_end)) {
    return;
  }
  const std::array fds{control_end.get()};
  send_to_control({0, broker::Attach{}}, fds);
  announce_ready();
}

void Gateway::on_dataplane_exit() {
  on_dataplane_message();  // why, if it could say
  const auto end = reap(dataplane_.process);
  if (!end) {
    return;
  }
  drop(dataplane_);
  start_again(dataplane_, "dataplane", *end, &Gateway::start_dataplane);
}

// ---------------------------------------------------------------- control

// False: it died, which its pidfd tells, or hangs. What needs it is done when the next one is
// ready.
bool Gateway::attach(UniqueFd* control_end) {
  auto pair = seqpacket_pair();
  if (!pair) {
    stop(tl::unexpected(pair.error()));
    return false;
  }
  abi::HostMessage message;
  message.type = abi::HostMessageType::attach_control;
  const std::array fds{pair->first.get()};
  *control_end = std::move(pair->second);
  if (auto sent = send_message(dataplane_.socket.get(), bytes_of(message), fds); !sent) {
    log::event(log::Level::error, kSubsystem, "dataplane_hangs", {{"error", sent.error().message}});
    send_signal(dataplane_.process, SIGKILL);
    return false;
  }
  return true;
}

void Gateway::start_control() {
  if (!dataplane_.ready || control_.process || stopping_) {
    return;  // started when the data plane is ready
  }
  if (auto started = spawn_control(); !started) {
    stop(started);
  }
}

Status Gateway::spawn_control() {
  auto pair = channel();
  auto netlink = netlink_socket();
  UniqueFd dataplane_end;
  if (!pair || !netlink) {
    return tl::unexpected(pair ? netlink.error() : pair.error());
  }
  if (!attach(&dataplane_end)) {
    return {};
  }
  const ControlArguments arguments{.program = plan_.control_program,
                                   .broker_fd = pair->second.get(),
                                   .listen_fd = listener_.get(),
                                   .netlink_fd = netlink->get(),
                                   .checkpoint_fd = checkpoint_.get(),
                                   .dataplane_fd = dataplane_end.get()};
  const std::array keep{arguments.broker_fd, arguments.listen_fd, arguments.netlink_fd,
                        arguments.checkpoint_fd, arguments.dataplane_fd};
  auto process =
      spawn(control_argv(plan_.config, arguments), keep, [this] { return become(plan_.user); });
  if (!process) {
    return tl::unexpected(process.error());
  }
  control_.process = std::move(*process);
  control_.socket = std::move(pair->first);
  pair->second.reset();
  log::event(log::Level::info, kSubsystem, "control_started", {{"pid", control_.process.pid}});
  if (auto watched = watch(control_, &Gateway::on_control_exit, &Gateway::on_control_message);
      !watched) {
    return watched;
  }
  if (auto sent = broker::send_configuration(control_.socket.get(), plan_.path, plan_.text,
                                             plan_.key_files);
      !sent) {
    // It died, which its pidfd tells, or hangs.
    log::event(log::Level::error, kSubsystem, "control_hangs", {{"error", sent.error().message}});
    send_signal(control_.process, SIGKILL);
  }
  return {};
}

void Gateway::send_to_control(const broker::Notice& notice, std::span<const int> fds) {
  if (!control_.socket) {
    return;
  }
  if (auto sent = send_message(control_.socket.get(), broker::encode(notice), fds); !sent) {
    log::event(log::Level::error, kSubsystem, "control_hangs", {{"error", sent.error().message}});
    send_signal(control_.process, SIGKILL);
  }
}

void Gateway::on_control_message() {
  bool closed = false;
  const auto message = receive_message(control_.socket.get(), broker::kMaxMessage, false, &closed);
  if (closed) {
    loop_.forget(control_.socket.get());
    return;
  }
  if (message && !*message) {
    return;
  }
  const auto request = message ? broker::decode_request((*message)->bytes) : std::nullopt;
  if (!request) {
    log::event(log::Level::warning, kSubsystem, "request_refused",
               {{"reason", "control sent a message that is not one of the agreed ones"}});
    return;
  }
  requests_.handle(*request);
}

void Gateway::on_control_ready() {
  if (control_.ready) {
    return;
  }
  loop_.cancel(control_.deadline);
  control_.ready = true;
  log::event(log::Level::info, kSubsystem, "control_ready");
  announce_ready();
}

void Gateway::on_control_exit() {
  const auto end = reap(control_.process);
  if (!end) {
    return;
  }
  resolver_.forget_all();
  drop(control_);
  start_again(control_, "control", *end, &Gateway::start_control);
}

// ---------------------------------------------------------------- both

Status Gateway::watch(Child& child, void (Gateway::*on_exit)(), void (Gateway::*on_message)()) {
  child.ready = false;
  child.deadline = loop_.after(kStartTime, [this, &child] {
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
    log::event(log::Level::info, kSubsystem, "ready",
               {{"configuration", plan_.path}, {"memory", hugepages_ ? "hugepages" : "pages"}});
    on_ready_();
  }
}

void Gateway::on_signal() {
  signalfd_siginfo info{};
  if (read(signals_.get(), &info, sizeof(info)) != static_cast<ssize_t>(sizeof(info))) {
    return;
  }
  if (stopping_) {  // impatience: the host is put back all the same
    send_signal(control_.process, SIGKILL);
    send_signal(dataplane_.process, SIGKILL);
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
