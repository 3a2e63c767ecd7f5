// The data plane's life as the supervisor sees it.
#include <signal.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/socket.h"
#include "dataplane/abi/channel.h"
#include "tools/supervisor/arguments.h"
#include "tools/supervisor/gateway.h"
#include "tools/supervisor/gateway_channel.h"

namespace gotthard::supervisor {

void Gateway::start_dataplane() {
  if (stopping_) {
    return;
  }
  if (auto started = spawn_dataplane(); !started) {
    stop(started);
  }
}

Status Gateway::spawn_dataplane() {
  auto pair = child_channel();
  if (!pair) {
    return tl::unexpected(pair.error());
  }
  DataplaneArguments arguments{.program = programs_.dataplane,
                               .instance_name = programs_.instance_name,
                               .user = programs_.users.dataplane,
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
  auto process = spawn(dataplane_argv(plan().config, arguments), keep, [this] {
    // DPDK makes a directory beneath it that stays when the process is killed while it starts: here
    // it goes with the run directory.
    setenv("RUNTIME_DIRECTORY", programs_.run_dir.c_str(), 1);
    return limit_to(dataplane_capabilities(plan().config));
  });
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
  } else if (reply.type == abi::HostReplyType::failed && !was_ready_) {
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

}  // namespace gotthard::supervisor
