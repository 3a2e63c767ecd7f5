// Control's life as the supervisor sees it.
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <signal.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/socket.h"
#include "control/broker/configuration.h"
#include "dataplane/abi/channel.h"
#include "tools/supervisor/arguments.h"
#include "tools/supervisor/gateway.h"
#include "tools/supervisor/gateway_channel.h"

namespace gotthard::supervisor {
namespace {

// Route changes come in floods; what overruns costs control a full dump.
constexpr int kNetlinkBuffer = 4 << 20;

// For control to follow the kernel with, as control/route/netlink_socket.h wants it; without
// capabilities it cannot change anything by it. A new one each time: no dump half read.
Result<UniqueFd> netlink_socket() {
  UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK | RTMGRP_NEIGH | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE |
                      RTMGRP_IPV4_RULE | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE |
                      1U << (RTNLGRP_IPV6_RULE - 1) | 1U << (RTNLGRP_NEXTHOP - 1);
  const int on = 1;
  if (!fd ||
      setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kNetlinkBuffer, sizeof(kNetlinkBuffer)) !=
          0 ||
      setsockopt(fd.get(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on)) != 0 ||
      bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return fail("cannot make a netlink socket for control: {}", std::strerror(errno));
  }
  return fd;
}

}  // namespace

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
  auto pair = child_channel();
  auto netlink = netlink_socket();
  UniqueFd dataplane_end;
  if (!pair || !netlink) {
    return tl::unexpected(pair ? netlink.error() : pair.error());
  }
  if (!attach(&dataplane_end)) {
    return {};
  }
  const ControlArguments arguments{.program = programs_.control,
                                   .broker_fd = pair->second.get(),
                                   .listen_fd = listener_.get(),
                                   .netlink_fd = netlink->get(),
                                   .checkpoint_fd = checkpoint_.fd(),
                                   .dataplane_fd = dataplane_end.get(),
                                   .uapi_fds = uapi_.fds()};
  std::vector<int> keep{arguments.broker_fd, arguments.listen_fd, arguments.netlink_fd,
                        arguments.checkpoint_fd, arguments.dataplane_fd};
  keep.insert(keep.end(), arguments.uapi_fds.begin(), arguments.uapi_fds.end());
  auto process = spawn(control_argv(plan().config, arguments), keep,
                       [this] { return become(programs_.users.control); });
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
  if (auto sent = give_to_control(plan(), 0, broker::ReloadMode::start); !sent) {
    // It died, which its pidfd tells, or hangs.
    log::event(log::Level::error, kSubsystem, "control_hangs", {{"error", sent.error().message}});
    send_signal(control_.process, SIGKILL);
  }
  return {};
}

// Lab keys go to one control alone, which hands them to the data plane: a later one finds them
// there, or they are used up.
Status Gateway::give_to_control(const Plan& plan, std::uint64_t id, broker::ReloadMode mode) {
  std::vector<broker::OpenKeyFile> lab_keys = std::exchange(lab_keys_, {});
  if (mode == broker::ReloadMode::apply) {
    auto taken = take_lab_keys_(plan.config, this->plan().config);
    if (!taken) {
      return tl::unexpected(taken.error());
    }
    lab_keys = std::move(*taken);
  }
  return broker::send_configuration(control_.socket.get(), {.id = id,
                                                            .mode = mode,
                                                            .path = plan.path,
                                                            .text = plan.text,
                                                            .key_files = plan.key_files,
                                                            .lab_key_files = lab_keys});
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
  if (!reload_.handle(*request)) {
    requests_.handle(*request);
  }
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
  requests_.on_control_gone();
  drop(control_);
  reload_.on_control_gone();
  start_again(control_, "control", *end, &Gateway::start_control);
}

}  // namespace gotthard::supervisor
